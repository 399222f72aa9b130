//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockStore makes dir this server's until the file is closed, also by the death of the process. The server itself would let two write
// the same files. The file stays: removing it would let two servers lock two files of the same name.
func lockStore(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "potok.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("store directory %s: %w", dir, errInUse)
		}
		return nil, fmt.Errorf("store directory %s: lock: %w", dir, err)
	}
	return f, nil
}
