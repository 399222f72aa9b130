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
