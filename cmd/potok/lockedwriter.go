package main

import (
	"io"
	"sync"
)

// lockedWriter is for what the run and its signals write at the same time.
type lockedWriter struct {
	mu sync.Mutex // guards w; held while writing, which is what it is for
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
