//go:build unix && !linux

package process

import (
	"os"
	"syscall"
)

func self() (string, error) { return os.Executable() }

// sysProcAttr leaves it to the worker to see that its pool is gone, by the end of its calls.
func sysProcAttr() *syscall.SysProcAttr { return nil }

func limitMemory(int64) error { return nil }

// memoryFile makes a file that has no name.
func memoryFile(size int64) (*os.File, error) {
	f, err := os.CreateTemp("", "potok-*")
	if err != nil {
		return nil, err
	}
	err = os.Remove(f.Name())
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
