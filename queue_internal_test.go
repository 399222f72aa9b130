package potok

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// A window is a batch that a worker of the model has taken.
type window struct {
	seg    *segment
	lo, hi int
	want   []job
}

// jobList is jobs that were submitted together.
type jobList []job

func (l *jobList) Len() int      { return len(*l) }
func (l *jobList) job(i int) job { return (*l)[i] }

// jobsOf returns the jobs of a window.
func jobsOf(s *segment, lo, hi int) (js []job) {
	for i := lo; i < hi; i++ {
		js = append(js, s.at(i))
	}
	return js
}

func TestTheQueueIsASlice(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 1))
		var q jobQueue
		var model []job
		var windows []window
		fresh := func() job {
			c := &plainCall{fn: func(context.Context) error { return nil }}
			c.call.scope = background
			return c
		}
		live := func(j job) bool { return !j.base().settled() }
		for range 200 {
			switch op := r.IntN(100); {
			case op < 10: // in parts, between which somebody may take
				many, to := new(jobList), 0
				for range 1 + r.IntN(2*segmentSize) {
					*many = append(*many, fresh())
				}
				for to < many.Len() {
					from := to
					to = min(many.Len(), to+1+r.IntN(segmentSize))
					q.pushSome(many, from, to)
					model = append(model, (*many)[from:to]...)
					if s, lo, hi := q.take(1 + r.IntN(2*maxBatch)); r.IntN(2) == 0 {
						windows = append(windows, window{s, lo, hi, slices.Clone(model[:hi-lo])})
						model = model[hi-lo:]
					} else {
						model = model[hi-lo:]
						q.done(s, lo, hi)
					}
				}
			case op < 35:
				for range 1 + r.IntN(1+r.IntN(2*segmentSize)) {
					j := fresh()
					q.push(j)
					model = append(model, j)
				}
			case op < 45:
				var js []job
				for range r.IntN(maxBatch) {
					js = append(js, fresh())
				}
				q.pushFront(js)
				model = append(slices.Clone(js), model...)
			case op < 75:
				want := 1 + r.IntN(2*maxBatch)
				s, lo, hi := q.take(want)
				if (s == nil) != (len(model) == 0) || s != nil && (hi-lo < 1 || hi-lo > want) {
					t.Fatalf("seed %d: take(%d) of %d gives %d", seed, want, len(model), hi-lo)
				}
				if s != nil {
					windows = append(windows, window{s, lo, hi, slices.Clone(model[:hi-lo])})
					model = model[hi-lo:]
				}
			case op < 92 && len(windows) > 0:
				i := r.IntN(len(windows))
				w := windows[i]
				windows = slices.Delete(windows, i, i+1)
				if r.IntN(3) == 0 { // a thief takes its later half
					half := len(w.want) / 2
					if half < len(w.want) {
						w.seg.refs++
						windows = append(windows, window{w.seg, w.lo + half, w.hi, w.want[half:]})
					}
					w.hi = w.lo + half
				}
				q.done(w.seg, w.lo, w.hi)
			case op < 97:
				for _, j := range model {
					if r.IntN(3) == 0 {
						j.base().state.Store(phaseCancelled)
					}
				}
			case op < 99:
				q.filter(live)
				model = slices.DeleteFunc(model, func(j job) bool { return !live(j) })
			default: // drain
				for len(model) > 0 {
					s, lo, hi := q.take(maxBatch)
					if !slices.Equal(jobsOf(s, lo, hi), model[:hi-lo]) {
						t.Fatalf("seed %d: drained other jobs", seed)
					}
					model = model[hi-lo:]
					q.done(s, lo, hi)
				}
			}
			var got []job
			q.each(func(j job) { got = append(got, j) })
			if !slices.Equal(got, model) || q.n != len(model) {
				t.Fatalf("seed %d: the queue has %d jobs (n is %d), the model %d", seed, len(got), q.n, len(model))
			}
			for _, w := range windows {
				if !slices.Equal(jobsOf(w.seg, w.lo, w.hi), w.want) {
					t.Fatalf("seed %d: a window has changed", seed)
				}
			}
			checkSegments(t, &q)
		}
	}
}

// checkSegments checks what the queue says of its segments.
func checkSegments(t *testing.T, q *jobQueue) {
	t.Helper()
	if (q.head == nil) != (q.tail == nil) {
		t.Fatal("a head without a tail, or a tail without a head")
	}
	last := q.head
	for s := q.head; s != nil; s = s.next {
		if s.lo < 0 || s.lo >= s.hi || s.many == nil && s.hi > segmentSize || s.refs < 0 {
			t.Fatalf("a segment with lo %d, hi %d, refs %d", s.lo, s.hi, s.refs)
		}
		last = s
	}
	if last != q.tail {
		t.Fatal("tail is not the last segment")
	}
	spares := 0
	for s := q.spare; s != nil; s = s.next {
		if spares++; s.refs != 0 || s.many != nil {
			t.Fatal("a spare segment is in use")
		}
		for i, j := range s.slots {
			if j != nil {
				t.Fatalf("a spare segment keeps a job in slot %d", i)
			}
		}
	}
	if spares != q.spares || spares > maxSpares {
		t.Fatalf("%d spare segments, counted %d", spares, q.spares)
	}
}

func TestAnEmptiedQueueKeepsNoJobs(t *testing.T) {
	var q jobQueue
	for range 10 {
		for range 3*segmentSize + 7 {
			q.push(&plainCall{})
		}
		q.pushSome(&jobList{&plainCall{}}, 0, 1)
		for s, lo, hi := q.take(maxBatch); s != nil; s, lo, hi = q.take(maxBatch) {
			q.done(s, lo, hi)
		}
		if q.head != nil || q.tail != nil {
			t.Fatal("an empty queue has a segment")
		}
		checkSegments(t, &q)
	}
}
