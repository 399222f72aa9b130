package registry

import (
	"bytes"
	"runtime"
	"strconv"
)

// A Seat is a goroutine that carries calls of a ledger: a worker, or whoever
// runs callbacks of calls that he cancelled. Its fields belong to that
// goroutine alone. It exists because Close takes no context: a Close from
// inside a call can only be recognised by where it runs.
type Seat struct {
	Unit  Unit // the call that runs, nil while callbacks of several run
	Calls int  // how many open calls cannot leave before this goroutine goes on

	id int64
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

// Carry runs fn, during which n more open calls hang on this goroutine: a wait
// inside fn does not wait for them. fn may correct Calls as they leave.
func (l *Ledger) Carry(n int, fn func(*Seat)) {
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
	before := s.Calls
	s.Calls += n
	defer func() {
		s.Calls = before
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
// runtime has no cheaper public way. About 1 µs (BenchmarkGoroutineID).
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
