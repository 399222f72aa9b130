package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// sharingViolation is ERROR_SHARING_VIOLATION: somebody else has the file open.
const sharingViolation = syscall.Errno(32)

// lockStore makes dir this server's until the file is closed, also by the death of the process: it is opened without sharing. The server
// itself would let two write the same files.
func lockStore(dir string) (*os.File, error) {
	path := filepath.Join(dir, "potok.lock")
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("store directory: %w", err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, fmt.Errorf("store directory %s: %w", dir, errInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("store directory: open %s: %w", path, err)
	}
	return os.NewFile(uintptr(h), path), nil
}
