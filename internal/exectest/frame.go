package exectest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// What crosses between the two sides of a Wire: a head as JSON, with its length
// in front, and a payload behind it, the argument or the result as JSON. The near
// side sends a callFrame and perhaps an endFrame, the far side one answerFrame.

type callFrame struct {
	Task string
	// Remains is how long it is until the deadline; 0: there is none. Not the
	// deadline itself: of two clocks one is ahead, and a far side that answers
	// before the near one knows its deadline for over makes a failure of a cancel.
	Remains time.Duration
}

// endFrame ends the far context. Why matches what the near one ended with.
type endFrame struct{ Why *errorFrame }

type answerFrame struct{ Err *errorFrame } // the result is there also beside an error

// errorFrame is an error as bytes: its text, and everything that lets it match
// on the other side what it matched on this one.
type errorFrame struct {
	Text      string
	Codes     []string    `json:",omitempty"`
	Permanent bool        `json:",omitempty"`
	Panic     *panicFrame `json:",omitempty"`
}

type panicFrame struct {
	Value string
	Stack []byte
}

func encodeError(err error) *errorFrame {
	if err == nil {
		return nil
	}
	f := &errorFrame{Text: textOf(err)}
	// An Unwrap or Is of the user's may panic, as Error may on a nil pointer.
	func() {
		defer func() { _ = recover() }()
		f.Codes = registry.Codes(err)
		_, f.Permanent = errors.AsType[*registry.PermanentError](err)
		if p, ok := errors.AsType[*potok.PanicError](err); ok {
			f.Panic = &panicFrame{Value: fmt.Sprint(p.Value), Stack: p.Stack}
		}
	}()
	return f
}

// textOf is err.Error() for errors whose Error may panic.
func textOf(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("%T, whose Error panics: %v", err, v)
		}
	}()
	return err.Error()
}

func decodeError(f *errorFrame) error {
	if f == nil {
		return nil
	}
	e := &farError{text: f.Text}
	for _, code := range f.Codes {
		if known := registry.ErrorOf(code); known != nil {
			e.matches = append(e.matches, known)
		}
	}
	if f.Panic != nil {
		e.matches = append(e.matches, &potok.PanicError{Value: f.Panic.Value, Stack: f.Panic.Stack})
	}
	if f.Permanent {
		return &registry.PermanentError{Err: e}
	}
	return e
}

// farError is an error that has crossed.
type farError struct {
	text    string
	matches []error
}

func (e *farError) Error() string   { return e.text }
func (e *farError) Unwrap() []error { return e.matches }

// pack makes a frame of a head and its payload.
func pack(head any, payload []byte) []byte {
	b, err := json.Marshal(head)
	if err != nil {
		panic("exectest: " + err.Error())
	}
	frame := binary.AppendUvarint(nil, uint64(len(b)))
	return append(append(frame, b...), payload...)
}

// unpack decodes the head of a frame and returns its payload.
func unpack(frame []byte, head any) (payload []byte) {
	n, used := binary.Uvarint(frame)
	frame = frame[used:]
	if err := json.Unmarshal(frame[:n], head); err != nil {
		panic("exectest: " + err.Error())
	}
	return frame[n:]
}
