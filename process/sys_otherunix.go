//go:build unix && !linux

package process

import (
	"os"
	"syscall"
)

func self() (string, error) { return os.Executable() }

// identity tells a program from the one that has taken its file's place, by when that was written and its size.
func identity() int64 {
	path, err := os.Executable()
	if err != nil {
		return 0
	}
	info, err := os.Stat(path)
	if err != nil {
		return -1 // it was removed
	}
	return info.ModTime().UnixNano() ^ info.Size()
}

// sysProcAttr leaves it to the worker to see that its pool is gone, by the end of its calls.
func sysProcAttr() *syscall.SysProcAttr { return nil }

// limitMemory has this process watch itself: there is no limit here that the system keeps.
func limitMemory(bytes int64) error {
	go watchMemory(bytes) // until the process ends
	return nil
}

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
