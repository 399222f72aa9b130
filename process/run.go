package process

import (
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/wire"
)

// work runs the calls. A task may end its goroutine: then another one goes on.
func (s *server) work() {
	defer func() { go s.work() }()
	r := runner{server: s}
	for {
		if j := s.next(); j.items > 0 {
			r.runChunk(j)
		} else {
			r.runCall(j)
		}
	}
}

// A runner has what the goroutine needs for each call again.
type runner struct {
	*server

	head, result []byte
}

func (r *runner) runCall(j *job) {
	ctx, end := r.begin(j)
	defer end(nil)
	if j.id > 0 && !begin(r.shared.word(j.slot), 0) {
		r.send(overFrame(r.head, j.id), r.more())
		return
	}
	r.answering(j, kindAnswer, 0, func() (any, error) {
		in, err := j.argument()
		if err != nil {
			return nil, err
		}
		return j.known.Run(ctx, in)
	})
}

// runChunk runs items until it is told to stop.
func (r *runner) runChunk(j *job) {
	ctx, end := r.begin(j)
	defer end(nil)
	word := r.shared.word(j.slot)
	defer func() { r.send(overFrame(r.head, j.id), false) }()
	var all reflect.Value
	for i := range j.items {
		if !begin(word, i) {
			return
		}
		r.answering(j, kindItem, j.items-1-i, func() (any, error) {
			if i == 0 {
				var err error
				if all, err = j.arguments(); err != nil {
					return nil, err
				}
			}
			if !all.IsValid() || all.Len() != j.items {
				return nil, potok.Permanent(fmt.Errorf("potok/process: the arguments of %s: %w", j.task, errCorrupt))
			}
			return j.known.Run(ctx, all.Index(i).Addr().Interface())
		})
	}
}

// answering runs fn, after which so many items are left, and answers with what becomes of it: by a deferred function, as a
// task may also end its goroutine.
func (r *runner) answering(j *job, kind byte, left int, fn func() (any, error)) {
	var out any
	var err error
	returned := false
	defer func() {
		if !returned {
			out = nil
			if v := recover(); v != nil {
				err = &potok.PanicError{Value: v, Stack: debug.Stack()}
			} else {
				err = potok.ErrGoexit
			}
		}
		r.answer(j, kind, left, out, err)
	}()
	out, err = fn()
	returned = true
}

// argument decodes what came.
func (j *job) argument() (any, error) {
	if j.known == nil {
		return nil, potok.Permanent(fmt.Errorf("%w %q: define it at package level, before process.Main", ErrUnknownTask, j.task))
	}
	in := j.known.NewIn()
	if err := j.decode(in); err != nil {
		return nil, err
	}
	return in, nil
}

// arguments decodes those of a chunk.
func (j *job) arguments() (reflect.Value, error) {
	if j.known == nil {
		_, err := j.argument()
		return reflect.Value{}, err
	}
	all := reflect.New(reflect.SliceOf(j.known.In))
	return all.Elem(), j.decode(all.Interface())
}

func (j *job) decode(in any) error {
	decode := wire.Decode
	if j.own {
		decode = wire.Take
	}
	if err := decode(j.in, in); err != nil {
		return potok.Permanent(fmt.Errorf("potok/process: argument of %s: %w", j.task, err))
	}
	j.in = nil
	return nil
}

// answer sends what became of a call. What cannot be sent fails it.
func (r *runner) answer(j *job, kind byte, left int, out any, err error) {
	var failure, begin, result []byte
	head, raw, isRaw := wire.Raw(out)
	switch {
	case isRaw: // not copied
		begin, result = head[:], raw
	case out != nil:
		var bad error
		if result, bad = wire.Append(r.result[:0], out); bad != nil {
			result, err = nil, potok.Permanent(fmt.Errorf("potok/process: result of %s: %w", j.task, bad))
		} else if cap(result) <= smallFrame {
			r.result = result // its memory serves the next
		}
	}
	if err != nil {
		failure = wire.AppendError(nil, err)
	}
	f := answerFrame(r.head, kind, j.id, failure, result)
	f.head = append(f.head, begin...)
	if bad := f.seal(); bad != nil {
		failure = wire.AppendError(nil, potok.Permanent(fmt.Errorf("potok/process: result of %s: %w", j.task, bad)))
		f = answerFrame(r.head, kind, j.id, failure, nil)
	}
	if f.size() <= smallFrame {
		f = frame{head: f.join()}
		r.head = f.head[:0] // and so does this
	}
	r.send(f, left > 0 || kind == kindAnswer && r.more())
}
