package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/potok-go/potok/internal/remote"
)

// A pool and a worker share a piece of memory:
//
//	0      two rings of bytes, calls and answers: 64 bytes for each number
//	1 KiB  a word for each call on the way, see word.go
//	4 KiB  the bytes of the calls, then those of the answers
//
// A ring is a pipe without the system in between: what was put in is there for the other side also when who put it in is
// dead. Who finds it empty, or full, says so and goes to sleep on a pipe; whoever changes that rings, with one byte. Both
// first write what they have to say, and then look at what the other says, so that one of them sees the other.
const (
	wordsAt    = 1 << 10
	bytesAt    = 4 << 10
	ringSize   = 256 << 10 // a power of two
	memorySize = bytesAt + 2*ringSize
)

// shared is that memory, as one side sees it.
type shared struct {
	mem            []byte
	calls, answers ring
}

func newShared(mem []byte) *shared {
	s := &shared{mem: mem}
	for i, r := range []*ring{&s.calls, &s.answers} {
		at := func(k int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&mem[i*256+k*64])) }
		r.put, r.got, r.readerSleeps, r.writerSleeps = at(0), at(1), at(2), at(3)
		r.bytes = mem[bytesAt+i*ringSize:][:ringSize:ringSize]
	}
	return s
}

// word is that of a slot.
func (s *shared) word(slot int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&s.mem[wordsAt+4*(slot%remote.MaxCredit)]))
}

// A ring has one writer and one reader.
type ring struct {
	put, got                   *atomic.Uint64 // how many bytes, ever
	readerSleeps, writerSleeps *atomic.Uint64
	bytes                      []byte
}

var errRing = fmt.Errorf("%w: a ring has more in it than it takes", errCorrupt)

// filled is how many bytes are in it.
func (r *ring) filled() (int, error) {
	n := r.put.Load() - r.got.Load()
	if n > ringSize {
		return 0, errRing // the other side has written where it must not
	}
	return int(n), nil
}

// write puts in as much as there is room for.
func (r *ring) write(p []byte) int {
	n, err := r.filled()
	if err != nil {
		return 0 // the reader sees it, too
	}
	at := r.put.Load()
	p = p[:min(len(p), ringSize-n)]
	i := int(at % ringSize)
	k := copy(r.bytes[i:], p)
	copy(r.bytes, p[k:])
	r.put.Store(at + uint64(len(p)))
	return len(p)
}

// read takes out as much as there is, and fits.
func (r *ring) read(p []byte) (int, error) {
	n, err := r.filled()
	if err != nil {
		return 0, err
	}
	at := r.got.Load()
	p = p[:min(len(p), n)]
	i := int(at % ringSize)
	k := copy(p, r.bytes[i:])
	copy(p[k:], r.bytes)
	r.got.Store(at + uint64(len(p)))
	return len(p), nil
}

// A port is what one side has: a ring to read from and one to write to. One goroutine reads, and one at a time writes.
type port struct {
	in, out *ring
	ringer  *os.File      // rings on the other side
	bell    *os.File      // is rung by it
	room    chan struct{} // capacity 1: the writer may go on
	dead    chan struct{} // closed when nobody reads any more on this side

	nap  func() error // how the reader sleeps: until the bell is heard
	lazy func() bool  // says that the reader must not spin; nil: it may

	spinner spinner
	buf     [64]byte

	// The writer's:

	quiet int         // frames since it last rang, by rouseLater
	rang  time.Time   // when that was
	late  *time.Timer // runs while there is something that nobody was woken for
}

func newPort(in, out *ring, bell, ringer *os.File) *port {
	p := &port{in: in, out: out, bell: bell, ringer: ringer, room: make(chan struct{}, 1), dead: make(chan struct{})}
	p.nap = p.hear
	p.late = time.AfterFunc(time.Hour, func() { _ = p.rouse() }) // an error: see rouse's callers
	p.late.Stop()
	return p
}

// ding is the byte that a bell is rung with. Anything else there is garbage.
const ding = 0xA7

func (p *port) ring() error {
	_, err := p.ringer.Write([]byte{ding})
	return err
}

// Read is part of io.Reader. It blocks while there is nothing, and returns io.EOF when the other side is gone and all that
// it has written was read.
func (p *port) Read(b []byte) (int, error) {
	for {
		n, err := p.in.read(b)
		if n > 0 || err != nil {
			if p.in.writerSleeps.Load() != 0 && p.in.writerSleeps.CompareAndSwap(1, 0) {
				_ = p.ring() // an error: it is gone, which the next wait tells
			}
			return n, err
		}
		if err := p.wait(); err != nil {
			if n, _ := p.in.filled(); n > 0 && errors.Is(err, io.EOF) {
				continue
			}
			return 0, err
		}
	}
}

// While answers follow calls at once, each side looks again and again for a while before it sleeps: to be woken by the
// system costs many times what a short call does. It takes both for that to work, and one of them has to begin: so each
// tries now and then, the less often the less it was worth.
const (
	spinFor   = 250 * time.Microsecond // more than the other side needs to wake up
	worthIt   = 60 * time.Microsecond  // less than to be woken takes
	shortNap  = 250 * time.Microsecond // after which it may be worth to try
	firstTry  = 4                      // waits
	lastTry   = 1024
	patiently = 16 // waits that were not worth it, until the other side must have tried too
)

// A spinner says when. The zero value is ready.
type spinner struct {
	spins bool // it does
	short bool // the last nap was
	skip  int  // waits until the next try
	tries int  // how many waits to skip after it
	slow  int  // waits in a row that were not worth it
}

var manyCPUs = runtime.NumCPU() > 1 // else it would only keep the other side from what it waits for

// spin looks for something that changes soon, and says whether it has.
func (s *spinner) spin(changed func() bool) bool {
	switch {
	case !manyCPUs:
		return false
	case s.spins:
	case !s.short:
		return false
	case s.skip > 0:
		s.skip--
		return false
	}
	begin := time.Now()
	for {
		for range 16 {
			if changed() {
				s.spun(time.Since(begin))
				return true
			}
			runtime.Gosched()
		}
		if time.Since(begin) > spinFor {
			s.rest()
			return false
		}
	}
}

// spun notes a wait that was spun through.
func (s *spinner) spun(d time.Duration) {
	s.spins = true
	if d <= worthIt {
		s.slow, s.tries = 0, 0
	} else if s.slow++; s.slow > patiently {
		s.rest()
	}
}

// rest lets the next waits be naps.
func (s *spinner) rest() {
	s.spins, s.slow = false, 0
	s.tries = min(max(2*s.tries, firstTry), lastTry)
	s.skip = s.tries
}

func (s *spinner) napped(d time.Duration) { s.short = d < shortNap }

// wait blocks until there may be something to read.
func (p *port) wait() error {
	some := func() bool {
		n, err := p.in.filled()
		return n > 0 || err != nil
	}
	if (p.lazy == nil || !p.lazy()) && p.spinner.spin(some) {
		return nil
	}
	p.in.readerSleeps.Store(1)
	defer p.in.readerSleeps.Store(0)
	if some() {
		return nil
	}
	begin := time.Now()
	err := p.nap()
	p.spinner.napped(time.Since(begin))
	return err
}

// hear blocks until the other side rings, or is gone: then it returns io.EOF.
func (p *port) hear() error {
	n, err := p.bell.Read(p.buf[:])
	for _, b := range p.buf[:n] {
		if b != ding {
			return fmt.Errorf("%w: a bell that is %#x", errCorrupt, b)
		}
	}
	select {
	case p.room <- struct{}{}:
	default:
	}
	return err
}

// tryWrite writes all of b, or nothing of it.
func (p *port) tryWrite(b []byte) bool {
	if n, err := p.out.filled(); err != nil || ringSize-n < len(b) {
		return false
	}
	p.out.write(b)
	return true
}

// rouse wakes the reader on the other side, if it sleeps.
func (p *port) rouse() error {
	if p.out.readerSleeps.Load() != 0 && p.out.readerSleeps.CompareAndSwap(1, 0) {
		return p.ring()
	}
	return nil
}

// A reader who sleeps is not woken for each of many short answers, but once in lateFor.
const (
	lateFor     = 100 * time.Microsecond
	shortAnswer = 10 * time.Microsecond
)

// rouseLater is rouse where another frame is likely to follow at once. If it does not, a timer rouses.
func (p *port) rouseLater() error {
	p.quiet++
	if p.out.readerSleeps.Load() == 0 {
		return nil
	}
	now := time.Now()
	if d := now.Sub(p.rang); d < lateFor && d < time.Duration(p.quiet)*shortAnswer {
		p.late.Reset(lateFor - d)
		return nil
	}
	p.quiet, p.rang = 0, now
	return p.rouse()
}

// Write is part of io.Writer. It blocks while there is no room, and returns an error when the other side is gone.
func (p *port) Write(b []byte) (n int, err error) {
	for {
		n += p.out.write(b[n:])
		if n == len(b) {
			return n, p.rouse()
		}
		if err := p.rouse(); err != nil {
			return n, err
		}
		p.out.writerSleeps.Store(1)
		if filled, _ := p.out.filled(); filled < ringSize && p.out.writerSleeps.CompareAndSwap(1, 0) {
			continue
		}
		select {
		case <-p.room:
		case <-p.dead:
			return n, io.ErrClosedPipe
		}
	}
}
