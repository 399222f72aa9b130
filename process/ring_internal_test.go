//go:build unix

package process

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok/internal/remote"
)

// ports returns both ends of one piece of memory, in this process.
func ports(t testing.TB) (near, far *port, m *shared) {
	t.Helper()
	file := func(f *os.File, err error) *os.File {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	memory := file(memoryFile(memorySize))
	mem, err := mapMemory(memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmapMemory(mem) })
	m = newShared(mem)
	pipe := func() (in, out *os.File) {
		in, out, err := os.Pipe()
		return file(in, err), file(out, err)
	}
	callsIn, callsOut := pipe()
	answersIn, answersOut := pipe()
	near = newPort(&m.answers, &m.calls, answersIn, callsOut)
	far = newPort(&m.calls, &m.answers, callsIn, answersOut)
	return near, far, m
}

// What goes in comes out, whatever the sizes, in both directions at once, and nobody sleeps for ever.
func TestARingIsAPipe(t *testing.T) {
	const total = 8 << 20
	near, far, _ := ports(t)
	var all, writers sync.WaitGroup
	for _, ends := range [][2]*port{{near, far}, {far, near}} {
		seed := rand.Uint64()
		writers.Go(func() {
			r, b := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
			for n := 0; n < total; {
				p := make([]byte, min(total-n, 1+r.IntN(1<<r.IntN(20))))
				for i := range p {
					p[i] = byte(b.Uint32())
				}
				if _, err := ends[0].Write(p); err != nil {
					t.Error(err)
				}
				n += len(p)
			}
		})
		all.Go(func() {
			r, b := rand.New(rand.NewPCG(seed, 2)), rand.New(rand.NewPCG(seed, 1))
			for n := 0; ; { // to the end, as who reads hears also that there is room to write
				p := make([]byte, 1+r.IntN(1<<r.IntN(20)))
				k, err := ends[1].Read(p)
				if err != nil {
					if !errors.Is(err, io.EOF) || n != total {
						t.Errorf("after %d bytes: %v", n, err)
					}
					return
				}
				for _, c := range p[:k] {
					if c != byte(b.Uint32()) {
						t.Errorf("another byte after %d", n)
						return
					}
				}
				n += k
			}
		})
	}
	writers.Wait()
	near.ringer.Close()
	far.ringer.Close()
	all.Wait()
}

func TestWhatWasWrittenIsReadAfterItsWriterIsGone(t *testing.T) {
	near, far, _ := ports(t)
	want := bytes.Repeat([]byte("answer"), 1000)
	if _, err := far.Write(want); err != nil {
		t.Fatal(err)
	}
	far.ringer.Close()
	if got, err := io.ReadAll(near); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAWriterWithoutRoomEndsWhenNobodyReadsAnyMore(t *testing.T) {
	near, _, _ := ports(t)
	ended := make(chan error)
	go func() {
		_, err := near.Write(make([]byte, 2*ringSize))
		ended <- err
	}()
	close(near.dead)
	if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func TestWhatMakesNoSenseIsSeen(t *testing.T) {
	t.Run("a bell", func(t *testing.T) {
		near, far, _ := ports(t)
		if _, err := far.ringer.WriteString("garbage"); err != nil {
			t.Fatal(err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, errCorrupt) {
			t.Error(err)
		}
	})
	t.Run("a ring", func(t *testing.T) {
		near, _, m := ports(t)
		m.answers.put.Store(ringSize + 1)
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, errCorrupt) {
			t.Error(err)
		}
	})
	t.Run("a length", func(t *testing.T) {
		near, far, _ := ports(t)
		if _, err := far.Write([]byte{255, 255, 255, 255, kindAnswer}); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := newFrames(near).next(); !errors.Is(err, errCorrupt) {
			t.Error(err)
		}
	})
	t.Run("a frame that is cut off", func(t *testing.T) {
		near, far, _ := ports(t)
		for _, n := range []int{100, smallFrame, 10 * smallFrame} {
			if _, err := far.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0, kindAnswer, 1, 2, 3}); err != nil {
				t.Fatal(err)
			}
			far.ringer.Close()
			if _, _, _, err := newFrames(near).next(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
		}
	})
}

// A call begins, or is stopped before it has, and both sides know which.
func TestOfBeginningAndStoppingOneComesFirst(t *testing.T) {
	for range 2000 {
		var word atomic.Uint32
		var ran int
		var all sync.WaitGroup
		all.Go(func() {
			for begin(&word, ran) {
				ran++
			}
		})
		begun := stop(&word)
		all.Wait()
		if begun != ran {
			t.Fatalf("%d have begun, it is said, and %d have", begun, ran)
		}
	}
}

func TestWordsHaveTheirOwnPlaces(t *testing.T) {
	_, _, m := ports(t)
	for i := range remote.MaxCredit {
		m.word(i).Store(uint32(i + 1))
	}
	for i := range remote.MaxCredit {
		if got := m.word(i).Load(); got != uint32(i+1) {
			t.Errorf("word %d is %d", i, got)
		}
	}
	for _, r := range []*ring{&m.calls, &m.answers} {
		for _, n := range []*atomic.Uint64{r.put, r.got, r.readerSleeps, r.writerSleeps} {
			if n.Load() != 0 {
				t.Error("words and rings overlap")
			}
		}
	}
}

// FuzzFrames reads what anybody might have written.
func FuzzFrames(f *testing.F) {
	h := callHead{id: 1, slot: 2, items: 3, remains: 4, task: "task"}
	call := h.frame(nil, []byte("argument"))
	_ = call.seal()
	f.Add(call.join())
	answer := answerFrame(nil, kindAnswer, 1, []byte("error"), []byte("result"))
	_ = answer.seal()
	f.Add(answer.join())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > ringSize {
			return
		}
		near, far, _ := ports(t)
		if !far.tryWrite(b) {
			t.Fatal("no room")
		}
		far.ringer.Close()
		r := newFrames(near)
		for {
			kind, body, _, err := r.next()
			if err != nil {
				return
			}
			switch kind {
			case kindCall:
				h, task, in, err := parseCall(body)
				if err != nil {
					continue
				}
				h.task = string(task)
				again := h.frame(nil, in)
				_ = again.seal()
				if h2, task2, in2, err := parseCall(again.join()[headSize:]); err != nil || h2.id != h.id || string(task2) != h.task || !bytes.Equal(in, in2) {
					t.Errorf("%+v, %q; again %+v, %q, %v", h, in, h2, in2, err)
				}
			case kindAnswer, kindItem:
				a, err := parseAnswer(body)
				if err == nil && len(a.failure)+len(a.out) != len(body)-12 {
					t.Errorf("%d and %d of %d", len(a.failure), len(a.out), len(body))
				}
			case kindEnd, kindOver:
				_, _, _ = parseID(body)
			}
		}
	})
}
