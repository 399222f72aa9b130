package process

import (
	"fmt"
	"syscall"
)

// self is this program, also when its file was replaced or removed meanwhile.
func self() (string, error) { return "/proc/self/exe", nil }

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
