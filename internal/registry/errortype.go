package registry

import (
	"errors"
	"fmt"
	"sync"
)

// An ErrorType is how errors of one type cross a wire: by a code, and with a
// value that holds what is in them.
type ErrorType struct {
	Code string
	// Find looks for such an error in err's tree. The value is a pointer.
	Find func(err error) (value any, ok bool)
	// New returns a pointer to a zero value, to decode into, and Error turns it
	// into the error.
	New   func() any
	Error func(value any) error
}

var errorTypes struct {
	mu    sync.RWMutex // guards order
	order []*ErrorType // of registration, so that what is sent is deterministic
}

// AddErrorType lets errors of type E still match errors.As after they crossed a
// wire. What crosses is the V that out makes of one, whose fields must all be
// such as can be sent; in makes the error of it on the other side. A code that is
// empty or taken panics.
func AddErrorType[E error, V any](code string, out func(E) V, in func(V) E) {
	if code == "" {
		panic("potok: an error type needs a code")
	}
	errorTypes.mu.Lock()
	defer errorTypes.mu.Unlock()
	for _, t := range errorTypes.order {
		if t.Code == code {
			panic(fmt.Sprintf("potok: error code %q stands for a type already", code))
		}
	}
	errorTypes.order = append(errorTypes.order, &ErrorType{
		Code: code,
		Find: func(err error) (any, bool) {
			e, ok := errors.AsType[E](err)
			if !ok {
				return nil, false
			}
			v := out(e)
			return &v, true
		},
		New:   func() any { return new(V) },
		Error: func(v any) error { return in(*v.(*V)) },
	})
}

// ErrorTypes returns all of them, in the order in which they were added.
func ErrorTypes() []*ErrorType {
	errorTypes.mu.RLock()
	defer errorTypes.mu.RUnlock()
	return errorTypes.order[:len(errorTypes.order):len(errorTypes.order)] // append never changes what is below len
}

// ErrorTypeOf returns the one of that code, or nil.
func ErrorTypeOf(code string) *ErrorType {
	for _, t := range ErrorTypes() {
		if t.Code == code {
			return t
		}
	}
	return nil
}
