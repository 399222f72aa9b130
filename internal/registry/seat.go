package registry

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
)

// A Seat is a goroutine that carries calls of a ledger: a worker, or whoever
// runs callbacks of calls that he cancelled. Its fields belong to that
// goroutine alone. It exists because Close takes no context: a Close from
// inside a call can only be recognised by where it runs.
type Seat struct {
	Unit Unit // the call that runs, or whose callbacks do; nil: none of a worker's

	// Later gives further calls that cannot leave before this goroutine goes on,
	// while that is so. It is called under the ledger's mu.
	Later func(yield func(Unit))

	more []Unit // calls that end here beside Unit; see Carry
	id   int64
}

func (s *Seat) calls() int {
	if s.Unit == nil {
		return len(s.more)
	}
	return 1 + len(s.more)
}

// Sit makes s the seat of this goroutine.
func (l *Ledger) Sit(s *Seat) {
	s.id = GoroutineID()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seats == nil {
		l.seats = make(map[int64]*Seat)
	}
	l.seats[s.id] = s
}

// Rise gives the seat back.
func (l *Ledger) Rise(s *Seat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seats[s.id] == s {
		delete(l.seats, s.id)
	}
}

// Carry runs fn, during which the open call u, if not nil, hangs on this
// goroutine: a wait inside fn does not wait for it. fn may set Later for calls
// that come after.
func (l *Ledger) Carry(u Unit, fn func(*Seat)) {
	id := GoroutineID()
	l.mu.Lock()
	s := l.seats[id]
	fresh := s == nil
	if fresh {
		s = &Seat{id: id}
		if l.seats == nil {
			l.seats = make(map[int64]*Seat)
		}
		l.seats[id] = s
	}
	l.mu.Unlock()
	more, later := s.more, s.Later
	if u != nil && u != s.Unit && !slices.Contains(more, u) {
		s.more = append(slices.Clip(more), u)
	}
	defer func() {
		s.more, s.Later = more, later
		if fresh {
			l.Rise(s)
		}
	}()
	fn(s)
}

// Carried returns the call that runs on this goroutine, or nil.
func (l *Ledger) Carried() Unit {
	id := GoroutineID()
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.seats[id]; s != nil {
		return s.Unit
	}
	return nil
}

// GoroutineID returns the number that the runtime gives this goroutine, read
// from the first line of its own stack trace ("goroutine 42 [running]:"): the
// runtime has no cheaper public way. About 3 µs (BenchmarkGoroutineID).
func GoroutineID() int64 {
	var buf [64]byte
	line := buf[:runtime.Stack(buf[:], false)]
	line = bytes.TrimPrefix(line, []byte("goroutine "))
	if i := bytes.IndexByte(line, ' '); i > 0 {
		line = line[:i]
	}
	id, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil {
		panic("potok: the runtime's stack trace has a new form: " + string(buf[:]))
	}
	return id
}
