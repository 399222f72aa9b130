package wire

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A form is a way in which a type sees to its own bytes.
type form struct {
	out, in         reflect.Type // the interfaces of both directions
	outName, inName string
	// reads says whether the library would use the second half alone: it does
	// where the bytes that a type of this kind becomes look as the form's do.
	reads func(t reflect.Type) bool
}

// forms are in the order in which the library looks for them.
var forms = []*form{
	{
		reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[cbor.Unmarshaler](), "MarshalCBOR", "UnmarshalCBOR",
		func(reflect.Type) bool { return true },
	},
	{
		reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](), "MarshalBinary", "UnmarshalBinary",
		isBytes,
	},
	{
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), "MarshalText", "UnmarshalText",
		func(t reflect.Type) bool { return t.Kind() == reflect.String },
	},
}

// builtin is the form of types that the library knows by itself.
var builtin = &form{}

var (
	timeType   = reflect.TypeFor[time.Time]()
	bigIntType = reflect.TypeFor[big.Int]()
)

// formOf returns how t sees to itself, nil if it does not, and an error if it does by half.
func formOf(t reflect.Type) (*form, error) {
	if t == timeType || t == bigIntType {
		return builtin, nil
	}
	p := reflect.PointerTo(t)
	for _, f := range forms {
		switch out, in := p.Implements(f.out), p.Implements(f.in); {
		case out && in:
			if err := f.lent(t); err != nil {
				return nil, err
			}
			return f, nil
		case out:
			return nil, fmt.Errorf("has %s but no %s: give it both or neither", f.outName, f.inName)
		case in && f.reads(t):
			return nil, fmt.Errorf("has %s but no %s: give it both or neither", f.inName, f.outName)
		}
	}
	return nil, nil
}

// lent returns an error if the form is, or may be, that of an embedded field, which knows nothing of the fields beside
// it. Whether the outer type has methods of its own that hide them, reflection does not tell.
func (f *form) lent(t reflect.Type) error {
	if t.Kind() != reflect.Struct || t.NumField() == 1 {
		return nil
	}
	for i := range t.NumField() {
		inner := t.Field(i)
		if inner.Anonymous && (inner.Type.Implements(f.out) || reflect.PointerTo(inner.Type).Implements(f.out)) {
			return fmt.Errorf("gets %s from the embedded %s, which leaves out the other fields: make that a named field", f.outName, inner.Name)
		}
	}
	return nil
}

// isBytes says whether t becomes a byte string.
func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}
