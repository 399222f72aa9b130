package process

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/metrics"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// read reads until the worker says no more, and settles what it answers. It returns an error if that is because it said
// what makes no sense.
func (w *worker) read() (err error) {
	for {
		if !w.frames.buffered() {
			w.chunk.store()
		}
		kind, body, own, err := w.frames.next()
		if err != nil {
			w.chunk.store()
			return ifCorrupt(err) // else it is gone, or about to be
		}
		switch {
		case kind == kindReady && !w.spoke:
			if len(body) != 1 || body[0] != protocol {
				return fmt.Errorf("%w: the worker is of another version of the program", errCorrupt)
			}
			w.spoke = true
			close(w.ready)
		case kind == kindAnswer && w.spoke:
			err = w.answered(body, own)
		case kind == kindItem && w.spoke:
			err = w.itemAnswered(body)
		case kind == kindOver && w.spoke:
			err = w.over(body)
		default:
			err = fmt.Errorf("%w: its kind is %q", errCorrupt, kind)
		}
		if err != nil {
			return err
		}
	}
}

func ifCorrupt(err error) error {
	if errors.Is(err, errCorrupt) {
		return err
	}
	return nil
}

var errUnasked = fmt.Errorf("%w: an answer that nobody asked for", errCorrupt)

// answered settles a call.
func (w *worker) answered(body []byte, own bool) error {
	a, err := parseAnswer(body)
	if err != nil {
		return err
	}
	l := w.lane.Load()
	if l == nil {
		select {
		case w.initial <- answer{a.id, append([]byte(nil), a.failure...), nil}:
			return nil
		default:
			return errUnasked
		}
	}
	w.countTask(1)
	it, ok := l.Take(a.id)
	switch {
	case !ok:
		return errUnasked
	case it == nil:
	case it.Chunk != nil:
		w.pool.near.Settle(it, errUnasked)
		return errUnasked
	default:
		w.settle(it, a, own)
	}
	return nil
}

func (w *worker) settle(it *remote.Item, a answer, own bool) {
	err := potok.ErrGoexit // an unmarshaler may do that
	defer func() { w.pool.near.Settle(it, err) }()
	err = a.store(it.Call, own)
}

// A result so large may push out the argument, which has done its work when the result begins to come. Who has large
// arguments and results would else have all of them in memory twice.
const largeResult = 16 << 20

// makeRoom is told that the frame that comes is that large.
func (w *worker) makeRoom(size int) {
	l := w.lane.Load()
	if l == nil || !l.DropArgument() || size < largeResult {
		return
	}
	// Not more often than the collector would run by itself: each time for a good part of all that lives.
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if uint64(size) >= live[0].Value.Uint64()/4 {
		runtime.GC()
	}
}

// countTask counts calls that were answered; after the last one that it may take the worker goes.
func (w *worker) countTask(n int) {
	if w.tasks += n; w.tasks == w.pool.options.maxTasks {
		w.retire()
	}
}

// over is told that a call was passed over, or that a chunk has ended.
func (w *worker) over(body []byte) error {
	id, _, err := parseID(body)
	l := w.lane.Load()
	if err != nil || l == nil {
		return errCorrupt
	}
	w.chunk.store()
	done := w.chunk.done
	w.chunk = tally{}
	it, ok := l.Take(id)
	switch {
	case !ok:
		return errUnasked
	case it == nil:
	case done == 0: // who has begun answers
		w.pool.near.Settle(it, errUnasked)
		return errUnasked
	default:
		w.endChunk(it, done, done)
	}
	return nil
}

// store puts the result where it belongs and returns the error.
func (a answer) store(c registry.Call, own bool) error {
	if len(a.out) > 0 {
		decode := wire.Decode
		if own {
			decode = wire.Take
		}
		if err := decode(a.out, c.Out()); err != nil {
			return potok.Permanent(fmt.Errorf("potok/process: result of %s: %w", c.Task().Name, err))
		}
	}
	return a.err()
}

func (a answer) err() error {
	if len(a.failure) == 0 {
		return nil
	}
	far, err := wire.DecodeError(a.failure)
	if err != nil {
		return potok.Permanent(err)
	}
	return far
}

// doneOf is how many items of a chunk were answered.
func (w *worker) doneOf(k registry.Chunk) int {
	if w.chunk.of != k {
		return 0
	}
	return w.chunk.done
}

// A tally is how far the chunk has come that runs.
type tally struct {
	of     registry.Chunk
	items  int
	custom bool       // its results have unmarshalers of the user's
	done   int        // items that have been answered
	kept   wire.Array // the results of the last of them
	stored int        // items before those
}

// itemAnswered takes the result of the next item. Those that come together are decoded together.
func (w *worker) itemAnswered(body []byte) error {
	a, err := parseAnswer(body)
	if err != nil {
		return err
	}
	t := &w.chunk
	if t.of == nil {
		l := w.lane.Load()
		if l == nil {
			return errUnasked
		}
		it, ok := l.First(a.id)
		if !ok || it.Chunk == nil {
			return errUnasked
		}
		t.of, t.items, t.custom = it.Chunk, it.Chunk.Items(), wire.Custom(it.Call.Task().Out)
	}
	if t.done >= t.items {
		return errUnasked
	}
	if len(a.failure) == 0 && t.kept.Add(a.out) {
		t.done++
		return nil
	}
	t.store()
	t.storeOne(a)
	return nil
}

// storeOne stores the result of an item that has an error, or cannot be decoded with others.
func (t *tally) storeOne(a answer) {
	if err := t.decodeOne(t.done, a); err != nil {
		t.of.Fail(t.done, err)
	}
	t.done++
	t.stored = t.done
	t.of.Done(t.done)
}

func (t *tally) decodeOne(i int, a answer) error {
	return remote.Apart(func() error {
		if len(a.out) > 0 {
			one := reflect.ValueOf(t.of.Results(i, 1)).Elem().Index(0)
			if err := wire.Decode(a.out, one.Addr().Interface()); err != nil {
				return potok.Permanent(fmt.Errorf("potok/process: result of %s: %w", t.of.Task().Name, err))
			}
		}
		return a.err()
	})
}

// store decodes the results that are kept: all together, and one by one if that fails.
func (t *tally) store() {
	n := t.done - t.stored
	if n == 0 {
		return
	}
	decode := func() error { return t.kept.Decode(t.of.Results(t.stored, n)) }
	var err error
	if t.custom {
		err = remote.Apart(decode)
	} else {
		err = decode()
	}
	if err != nil {
		for i := range n {
			if err := t.decodeOne(t.stored+i, answer{out: t.kept.At(i)}); err != nil {
				t.of.Fail(t.stored+i, err)
			}
		}
	}
	t.kept.Clear()
	t.stored = t.done
	t.of.Done(t.done)
}

// endChunk ends a chunk of which so many items were answered, and so many had begun. What has not goes to the next worker.
func (w *worker) endChunk(it *remote.Item, done, begun int) {
	k := it.Chunk
	if begun > done {
		k.Fail(done, w.deathOf(it))
		done++
		k.Done(done)
	}
	if done < k.Items() {
		w.pool.near.Rest(it, done)
	}
	w.pool.near.Settle(it, nil)
}
