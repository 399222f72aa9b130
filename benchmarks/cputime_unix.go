//go:build unix

package main

import (
	"fmt"
	"syscall"
	"time"
)

const hasProcessTime = true

// processTime is the processor time that this process has used so far.
func processTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
