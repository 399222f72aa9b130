package wire

import (
	"errors"
	"fmt"

	"github.com/potok-go/potok/internal/registry"
)

// errorFrame is an error as bytes: its text, and everything that lets it match on the other side what it matched on this
// one.
type errorFrame struct {
	Text      string       `cbor:"1,keyasint"`
	Codes     []string     `cbor:"2,keyasint,omitempty"` // of the sentinels that it matches
	Permanent bool         `cbor:"3,keyasint,omitempty"`
	Typed     []typedFrame `cbor:"4,keyasint,omitempty"` // of the error types that it matches, one of each
}

type typedFrame struct {
	Code  string `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint"` // as Append writes it
}

// AppendError appends err, which is not nil. After DecodeError it has the same text, is permanent if it was, and matches
// the sentinels and the types that are registered. Whatever else it was is lost.
func AppendError(b []byte, err error) []byte {
	f := errorFrame{Text: textOf(err)}
	// An Unwrap, Is or As of the user's may panic, as Error may on a nil pointer.
	// What one of them hides does not hide the rest.
	f.Codes = registry.Codes(err)
	guard(func() { _, f.Permanent = errors.AsType[*registry.PermanentError](err) })
	for _, t := range registry.ErrorTypes() {
		guard(func() {
			if v, ok := t.Find(err); ok {
				if value, bad := Append(nil, v); bad == nil { // else the text has to do
					f.Typed = append(f.Typed, typedFrame{t.Code, value})
				}
			}
		})
	}
	out, bad := marshal(append(b, Version, codecCBOR), &f)
	if bad != nil { // strings, bytes and a flag can always be encoded
		panic("potok: an error cannot be sent: " + bad.Error())
	}
	return out
}

func guard(fn func()) {
	defer func() { _ = recover() }()
	fn()
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

// DecodeError reads what AppendError has written into far, which is nil only if err says why it cannot be read.
func DecodeError(b []byte) (far, err error) {
	codec, payload, err := open(b)
	if err != nil {
		return nil, err
	}
	if codec != codecCBOR {
		return nil, errors.New("potok: bytes came where an error is wanted")
	}
	var f errorFrame
	if err := decoder.Unmarshal(payload, &f); err != nil {
		return nil, fmt.Errorf("potok: an error cannot be read: %w", err)
	}
	e := &farError{text: f.Text}
	for _, code := range f.Codes {
		if known := registry.ErrorOf(code); known != nil {
			e.matches = append(e.matches, known)
		}
	}
	for _, typed := range f.Typed {
		t := registry.ErrorTypeOf(typed.Code)
		if t == nil {
			continue
		}
		v := t.New()
		if err := Decode(typed.Value, v); err != nil {
			return nil, fmt.Errorf("potok: an error of type %s: %w", t.Code, err)
		}
		e.matches = append(e.matches, t.Error(v))
	}
	if f.Permanent {
		return &registry.PermanentError{Err: e}, nil
	}
	return e, nil
}

// farError is an error that has crossed.
type farError struct {
	text    string
	matches []error
}

func (e *farError) Error() string   { return e.text }
func (e *farError) Unwrap() []error { return e.matches }
