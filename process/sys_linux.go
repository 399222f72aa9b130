package process

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// self is this program, also when its file was replaced or removed meanwhile.
func self() (string, error) { return "/proc/self/exe", nil }

// identity is the same for all: self is no other program.
func identity() int64 { return 0 }

// sysProcAttr has the system kill a worker whose pool was killed.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// limitMemory limits the data of this process: not its address space, of which Go takes far more than it uses.
func limitMemory(bytes int64) error {
	limit := syscall.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("potok/process: memory limit: %w", err)
	}
	return nil
}

// memoryFile makes a file that is in memory only. It keeps its size, since who uses what a file has lost is killed.
func memoryFile(size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("potok", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "memory")
	err = f.Truncate(size)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
