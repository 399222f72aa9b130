package process

import (
	"errors"
	"os"
	"syscall"
)

func isPipe(int) bool { return false }

func closeOnExec(int) {}

func ownFile(fd int, name string) *os.File { return os.NewFile(uintptr(fd), name) }

func signalOf(*os.ProcessState) os.Signal { return nil }

func outOfMemory(string) bool { return false }

// self fails: a worker is given its pipes as files 3 and 4, which Windows does not have.
func self() (string, error) { return "", errors.ErrUnsupported }

func identity() int64 { return 0 }

func sysProcAttr() *syscall.SysProcAttr { return nil }

func limitMemory(int64) error { return errors.ErrUnsupported }

func memoryFile(int64) (*os.File, error) { return nil, errors.ErrUnsupported }

func mapMemory(*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapMemory([]byte) {}
