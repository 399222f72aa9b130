//go:build unix && !linux

package process

import (
	"os"
	"syscall"
)

func self() (string, error) { return os.Executable() }

// sysProcAttr leaves it to the worker to see that its pool is gone, by the end of its calls.
func sysProcAttr() *syscall.SysProcAttr { return nil }

// unreadIn is not known here: a call sent to a worker that was just killed fails with it.
func unreadIn(*os.File) int { return -1 }

func limitMemory(int64) error { return nil }
