package progress

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"time"
)

// A Bar counts, and shows on one line how far it is. Bars are made by New; the zero value is not usable.
//
// Every method may be called from any number of goroutines at once.
type Bar struct {
	forward atomic.Int64 // what Add counted, the negative left out; on a cache line of its own, as every Add writes it
	_       [64]byte

	// Add looks closer when forward reaches due:
	//
	//	never    →atOnce  after a line, until minInterval is all but over and the timer fires
	//	atOnce   →n       the next Add looked, and too few were counted
	//	atOnce,n →never   an Add drew a line; and nothing is drawn any more
	//
	// With a Clock there is no timer, and due goes from n to n: each Add from n on asks the clock. It is written with the
	// turn, and by the timer and Close without it; look puts right what the timer writes after Close.
	due  atomic.Int64
	back atomic.Int64 // the sum of negative counts

	closed  atomic.Bool           // false→true
	failure atomic.Pointer[error] // the first one; nil→error
	done    chan struct{}         // closed when the first Close is through
	result  error                 // what Close returns, written before done is closed
	drawing bool                  // false: nothing is drawn, ever
	total   int64
	start   time.Time
	timer   *time.Timer // nil with a Clock, and when not drawing
	settings

	turn  chan struct{} // holds a token when nobody has the turn; who took it owns the fields below, and the output
	pace  pace
	last  int64     // forward at the last line; what Println draws again is none
	at    time.Time // of the last line
	shown int       // columns of the line that the cursor is in
	left  bool      // the last line is drawn, and the cursor below it
	buf   []byte    // what is written
}

const (
	never  = math.MaxInt64
	atOnce = math.MinInt64

	// early is how long before minInterval is over the timer lets Add look at the clock itself: the timer may be late,
	// and in a bubble an Add at 0.1 s sharp would race with it.
	early = time.Millisecond

	// patience is how long the output is waited for: long enough for a machine that is busy and a terminal that is far
	// away, and no more than a worker can lose once.
	patience = time.Second
)

// New makes a bar that counts up to total and draws its first line. A total below 0 is unknown: there is no bar then, only
// numbers; and the same where more is counted than the total says.
//
// It blocks while the output takes the line, a second at most. It returns no error: one of the output is Close's. Where
// nothing is drawn (see Always), all that a bar does is print the lines of Println. New is safe for concurrent use.
func New(total int64, opts ...Option) *Bar {
	b := &Bar{total: total, settings: newSettings(opts), turn: make(chan struct{}, 1), done: make(chan struct{})}
	b.due.Store(never)
	b.drawing = b.always || isTerminal(b.output)
	if !b.drawing {
		b.release()
		return b
	}
	if b.clock == nil {
		b.timer = time.AfterFunc(maxInterval, b.wake) // and set as it should be below: wake uses b.timer
	}
	b.frame(moment{total: b.total})
	b.write(time.NewTimer(patience))
	b.start = b.now() // as tqdm does: the first line is not part of the time
	b.at = b.start
	b.rest()
	return b
}

// Add counts n more, or fewer, and draws a line if it is time for one.
//
// It does not block, but for the one Add in a tenth of a second that draws: while the output takes the line, a second at
// most, and not again before it has. It returns no error: one of the output is Close's. After Close it does nothing. It is
// safe for concurrent use, and costs 1.2 times what an atomic addition does (BenchmarkAdd).
func (b *Bar) Add(n int64) {
	if n < 0 {
		b.back.Add(n)
		n = 0 // as in tqdm, going back brings the next line no nearer and no farther
	}
	if b.forward.Add(n) >= b.due.Load() {
		b.look()
	}
}

// SetTotal changes what the bar counts up to, where it is found out later. It is shown in the next line.
//
// It blocks while the output is written to. It is safe for concurrent use.
func (b *Bar) SetTotal(total int64) {
	<-b.turn
	defer b.release()
	b.total = total
}

// look draws a line if enough was counted in enough time.
func (b *Bar) look() {
	select {
	case <-b.turn:
	default:
		return // who has the turn draws, or prints; nobody waits for an output who does not use it
	}
	if b.ended() {
		b.due.Store(never) // the timer may have been later than Close
		b.release()
		return
	}
	forward := b.forward.Load()
	if forward < b.due.Load() { // somebody drew meanwhile
		b.release()
		return
	}
	if next := b.pace.after(b.last); forward < next {
		b.due.Store(next)
		b.release()
		return
	}
	now := b.now()
	gap := now.Sub(b.at)
	if gap < minInterval {
		b.release()
		return
	}
	b.pace.drawn(forward-b.last, gap)
	b.last, b.at = forward, now
	b.rest()
	b.frame(b.moment(now))
	b.write(time.NewTimer(patience))
}

// rest makes Add look no more until it can be time for a line. The caller has the turn, or the only reference.
func (b *Bar) rest() {
	if b.timer == nil {
		b.due.Store(b.pace.after(b.last))
		return
	}
	b.due.Store(never)
	b.timer.Reset(minInterval - early)
}

// wake is what the timer calls, on a goroutine of its own: soon after a line to let Add look again, and when many are
// wanted for the next one, maxInterval after it to draw what there is. It waits for the turn, so Close waits for it or
// makes it do nothing; it does not set the timer a third time, so a bar that nobody uses or closes costs nothing.
func (b *Bar) wake() {
	b.due.Store(atOnce)
	<-b.turn
	if b.ended() || b.due.Load() == never || b.pace.wanted <= 1 { // never: an Add was faster, and the timer is set anew
		b.release()
		return
	}
	now := b.now()
	if gap := now.Sub(b.at); gap < maxInterval {
		b.timer.Reset(maxInterval - gap)
		b.release()
		return
	}
	b.pace.wanted = 1
	b.due.Store(atOnce)
	b.frame(b.moment(now))
	b.write(time.NewTimer(patience))
}

// Println writes s and a newline to the output, above the bar, which it draws again below; in one Write. Where nothing is
// drawn, and after Close, it writes the plain line.
//
// It blocks while the output is written to, by itself or by others: a line is not given up as a frame is. It returns no
// error: that is Close's. It is safe for concurrent use: lines come out whole and one by one.
func (b *Bar) Println(s string) {
	<-b.turn
	defer b.release()
	if !b.drawing || b.left || b.failure.Load() != nil {
		b.buf = append(append(b.buf[:0], s...), '\n')
	} else { // also while Close waits for the turn: the cursor is in the line of the bar still
		b.wipe()
		b.buf = append(append(b.buf, s...), '\n')
		b.redraw(b.moment(b.now()))
	}
	b.put()
}

// Close draws the last line, with the average of the whole time, and a newline after it; that line stays. Nothing is drawn
// afterwards, and closing again changes nothing.
//
// It blocks while the output is written to, but gives up after a second. It returns the first error of the output, as the
// output gave it, the same each time; one that matches os.ErrDeadlineExceeded if it gave up; and nil if all went well. It
// is safe for concurrent use.
func (b *Bar) Close() error {
	if b.closed.CompareAndSwap(false, true) {
		b.finish()
		b.result = b.err()
		close(b.done)
	}
	<-b.done
	return b.result
}

// finish draws the last line. Only one Close comes here.
func (b *Bar) finish() {
	if !b.drawing {
		return
	}
	b.due.Store(never)
	if b.timer != nil {
		b.timer.Stop()
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-b.turn:
	case <-late.C:
		b.fail(errBlocked)
		return
	}
	if b.failure.Load() != nil {
		b.release()
		return
	}
	m := b.moment(b.now())
	m.rate = 0 // of all the time
	b.frame(m)
	b.buf, b.left = append(b.buf, '\n'), true
	if !b.write(late) {
		b.fail(errBlocked)
	}
}

var errBlocked = fmt.Errorf("potok/progress: the output takes no more: %w", os.ErrDeadlineExceeded)

// ended says that no more frames are drawn, save Close's own.
func (b *Bar) ended() bool { return b.closed.Load() || b.failure.Load() != nil }

func (b *Bar) fail(err error) { b.failure.CompareAndSwap(nil, &err) }

func (b *Bar) err() error {
	if err := b.failure.Load(); err != nil {
		return *err
	}
	return nil
}

func (b *Bar) now() time.Time {
	if b.clock != nil {
		return b.clock()
	}
	return time.Now()
}

func (b *Bar) release() { b.turn <- struct{}{} }
