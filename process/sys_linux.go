package process

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
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

// unreadIn is how many bytes nobody has read of those written to a pipe, also when nobody is left to read them; -1: not
// known.
func unreadIn(pipe *os.File) int {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return -1
	}
	var n int32
	var errno syscall.Errno
	if err := conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&n)))
	}); err != nil || errno != 0 {
		return -1
	}
	return int(n)
}
