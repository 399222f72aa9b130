package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLog passes on what goes wrong in the server to slog.Default, and keeps the rest to itself. What the server calls fatal does not
// end the process: it is an error of Start, and later one of many in the log.
type serverLog struct {
	mu      sync.Mutex // guards the fields below
	first   error
	started bool
}

// fatal returns the first fatal error.
func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// start ends the time in which somebody asks for fatal errors.
func (l *serverLog) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = true
}

// Fatalf keeps the first error for Start.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	started := l.started
	if l.first == nil {
		l.first = fmt.Errorf(format, v...)
	}
	l.mu.Unlock()
	if started {
		l.Errorf(format, v...)
	}
}

// Errorf logs at Error level.
func (l *serverLog) Errorf(format string, v ...any) {
	slog.Default().Error("potok/embedded: " + fmt.Sprintf(format, v...))
}

// Warnf logs at Warn level.
func (l *serverLog) Warnf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(text, "old update ignored") { // a purge has met an acknowledgement: nothing is wrong
		return
	}
	slog.Default().Warn("potok/embedded: " + text)
}

// Noticef is what a server says of its ordinary life.
func (l *serverLog) Noticef(string, ...any) {}

// Debugf is off.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef is off.
func (l *serverLog) Tracef(string, ...any) {}
