//go:build unix

package process

import (
	"os"
	"strings"
	"syscall"
)

func isPipe(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFIFO
}

// closeOnExec makes a file that the pool has given a file of this process only: no child of it gets it.
func closeOnExec(fd int) { syscall.CloseOnExec(fd) }

func ownFile(fd int, name string) *os.File {
	_ = syscall.SetNonblock(fd, true) // so that a read is no thread
	return os.NewFile(uintptr(fd), name)
}

// mapMemory makes the bytes of such a file this process's, too. The file is not needed then.
func mapMemory(f *os.File) ([]byte, error) {
	mem, err := syscall.Mmap(int(f.Fd()), 0, memorySize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return mem, nil
}

func unmapMemory(mem []byte) { _ = syscall.Munmap(mem) }

func signalOf(s *os.ProcessState) os.Signal {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return nil
}

// outOfMemory says whether Go died with this line because the system gave it no more memory.
func outOfMemory(line string) bool {
	return strings.Contains(line, "out of memory") || strings.Contains(line, "cannot allocate memory") || strings.Contains(line, "cannot map pages")
}
