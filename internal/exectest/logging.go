package exectest

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"sync"
)

// lockedBuffer is a bytes.Buffer for a logger and a case.
type lockedBuffer struct {
	mu  sync.Mutex // guards the field below
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// captureLog takes what slog.Default is given until the case ends, and returns
// how to check that a panic with this text was logged, with a stack. Cases run
// one after the other, so the default logger is this one's alone.
func (e *env) captureLog() func(text string) {
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	var buf lockedBuffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&buf, nil)))
	e.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer) // which SetDefault above had pointed at slog: they would call each other for ever
		log.SetFlags(flags)
	})
	return func(text string) {
		e.Helper()
		got := buf.String()
		for _, part := range []string{"level=ERROR", text, "goroutine "} {
			if !strings.Contains(got, part) {
				e.Errorf("the log lacks %q:\n%s", part, got)
			}
		}
	}
}
