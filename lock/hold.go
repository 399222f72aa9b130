package lock

import (
	"runtime"
	"sync"
)

// A hold is one lock in the hands of one goroutine, or wanted by it, while orders are checked.
//
//	wanted → held     by its goroutine, once it has the lock
//	wanted → dropped  by its goroutine, if it gives up
//	held → dropped    by Unlock, on whatever goroutine
//
// A hold is noted as held before its goroutine goes for the lock, and as wanted only if it has to wait: that spares a
// second visit to the table. So for a moment two goroutines may be down as holders of one lock.
//
// Dropped holds are used again, under the lock of their bucket, which they never leave.
type hold struct {
	next, prev *hold
	goroutine  int64
	lock       *extra // nil: the goroutine is in a report; what it locks there is not checked
	wanted     bool
	at         stack // where the lock was taken, or tried
}

// held is all holds of all goroutines, by goroutine. The size is a power of two, and large enough that goroutines seldom
// meet. A bucket fills a cache line.
var held [256]bucket

type bucket struct {
	mu    sync.Mutex // guards the fields below and the holds in it; never held while blocking
	holds *hold      // the newest first
	spare *hold
	kept  int // how many are spare
	_     [32]byte
}

// spareHolds is how many dropped holds a bucket keeps: a goroutine seldom has more locks at once.
const spareHolds = 8

func bucketOf(goroutine int64) *bucket { return &held[uint64(goroutine)%uint64(len(held))] }

// addLocked notes that the goroutine holds x. The caller has still to record where.
func (b *bucket) addLocked(goroutine int64, x *extra) *hold {
	h := b.spare
	if h == nil {
		h = new(hold)
	} else {
		b.spare = h.next
		b.kept--
	}
	h.goroutine, h.lock, h.wanted = goroutine, x, false
	h.next, h.prev = b.holds, nil
	if b.holds != nil {
		b.holds.prev = h
	}
	b.holds = h
	return h
}

func (b *bucket) dropLocked(h *hold) {
	if h.prev == nil {
		b.holds = h.next
	} else {
		h.prev.next = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	}
	h.next, h.prev, h.lock = nil, nil, nil
	if b.kept < spareHolds {
		h.next = b.spare
		b.spare = h
		b.kept++
	}
}

// drop takes h out.
func drop(h *hold) {
	b := bucketOf(h.goroutine)
	b.mu.Lock()
	b.dropLocked(h)
	b.mu.Unlock()
}

// setWanted says whether h waits for its lock, or has it.
func (h *hold) setWanted(wanted bool) {
	b := bucketOf(h.goroutine)
	b.mu.Lock()
	h.wanted = wanted
	b.mu.Unlock()
}

// A heldLock is what a report says of a hold: a copy, as the hold itself may be gone the next
// moment, that does not keep the lock alive.
type heldLock struct {
	identity
	goroutine int64
	at        []uintptr
}

func (h *hold) copyLocked() *heldLock {
	return &heldLock{identity: h.lock.node.Load().identity, goroutine: h.goroutine, at: h.at.addresses()}
}

// holderOf returns who holds x, and the lock that this one waits for in turn. Either may be missing: a lock that was
// taken before orders were checked has no holder that is known.
func holderOf(x *extra) (holder, waits *heldLock) {
	for range 100 {
		n := 0
		for i := range held {
			n += held[i].holderOf(x, &holder, &waits)
		}
		if n <= 1 {
			break
		}
		runtime.Gosched() // one of them is about to note that it has to wait
	}
	return holder, waits
}

// holderOf returns how many holders of x there are in b, and sets holder and waits if there is one.
func (b *bucket) holderOf(x *extra, holder, waits **heldLock) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for h := b.holds; h != nil; h = h.next {
		if h.lock == x && !h.wanted {
			n++
			*holder, *waits = h.copyLocked(), b.wantedByLocked(h.goroutine)
		}
	}
	return n
}

func (b *bucket) wantedByLocked(goroutine int64) *heldLock {
	for h := b.holds; h != nil; h = h.next {
		if h.goroutine == goroutine && h.wanted && h.lock != nil {
			return h.copyLocked()
		}
	}
	return nil
}
