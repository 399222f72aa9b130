package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"sync"
)

// Version is the first byte of every value and error. It changes when what follows is read in another way.
const Version = 1

// Codecs, the second byte.
const (
	codecCBOR byte = 1 // RFC 8949
	codecRaw  byte = 2 // the bytes of a []byte
)

const headLen = 2

// Append appends the value that v points to. It returns an error, and b as it was, for a value of a type that CheckType
// refuses, one that is nested too deep, and one whose own marshaler fails. Where b has the room it allocates nothing of
// the size of the value; where not, it grows b once if it can tell the size from strings, slices and numbers near the top. An int costs about 65 ns, a struct of three fields
// 110 ns, what has times or is recursive 150 ns a struct (BenchmarkAppend).
func Append(b []byte, v any) ([]byte, error) {
	if head, raw, ok := Raw(v); ok { // CBOR tells nil from empty
		return append(append(slices.Grow(b, headLen+len(raw)), head[:]...), raw...), nil
	}
	value := reflect.ValueOf(v).Elem()
	s := shapeOf(value.Type())
	if s.err != nil {
		return b, CheckType(value.Type())
	}
	if s.looked {
		if err := look(value, 0, false); err != nil {
			return b, fmt.Errorf("potok: a %s cannot be sent: %w", value.Type(), err)
		}
	}
	out := append(slices.Grow(b, headLen+minRoom+weight(value, 0)), Version, codecCBOR)
	out, err := marshal(out, v)
	if err == nil && s.measured && decoder.Wellformed(out[len(b)+headLen:]) != nil {
		err = errDeep
	}
	if err != nil {
		return b, fmt.Errorf("potok: a %s cannot be sent: %w", value.Type(), err)
	}
	return out, nil
}

// Raw is Append without a copy: what v points to is a []byte that crosses as it is, behind head. False: it is not.
func Raw(v any) (head [headLen]byte, payload []byte, ok bool) {
	raw, ok := v.(*[]byte)
	if !ok || *raw == nil {
		return head, nil, false
	}
	return [headLen]byte{Version, codecRaw}, *raw, true
}

// minRoom is room for what is small.
const minRoom = 62

// weight is about how many bytes v becomes, and never much more than it takes in memory: so that a large value is not
// copied again and again while b grows. It does not follow pointers, which may be a cycle.
func weight(v reflect.Value, depth int) int {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		elem := v.Type().Elem()
		switch size := int(min(elem.Size(), 64)); {
		case size <= 1:
			return v.Len()
		case elem.Kind() != reflect.String:
			return v.Len() * (size + 1) // a number has a byte in front
		}
		sum := 0
		for i := range v.Len() {
			sum += 5 + v.Index(i).Len()
		}
		return sum
	case reflect.Pointer:
		if depth > 0 {
			return 0
		}
		if n, ok := v.Interface().(*big.Int); ok && n != nil {
			return n.BitLen() / 8
		}
	case reflect.Struct:
		if depth > 2 {
			return 0
		}
		sum := 0
		for i := range v.NumField() {
			sum += weight(v.Field(i), depth+1)
		}
		return sum
	}
	return 0
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// marshal appends v to out, without a copy of its own if there is the room. It survives a marshaler of the user's that
// panics.
func marshal(out []byte, v any) (_ []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its marshaler panicked: %v", p)
		}
	}()
	buf := buffers.Get().(*bytes.Buffer)
	*buf = *bytes.NewBuffer(out)
	err = encoder.MarshalToBuffer(v, buf) // it writes behind out, in place
	out = buf.Bytes()
	*buf = bytes.Buffer{} // the pool keeps nobody's memory
	buffers.Put(buf)
	return out, err
}

// Decode reads what Append has written into v, which points to a zero value. What it stores does not share memory with
// b. On an error the value may have been set in part.
func Decode(b []byte, v any) error {
	codec, payload, err := open(b)
	if err != nil {
		return err
	}
	if codec == codecRaw {
		raw, ok := v.(*[]byte)
		if !ok {
			return fmt.Errorf("potok: bytes came where a %s is wanted", reflect.TypeOf(v).Elem())
		}
		*raw = append([]byte{}, payload...)
		return nil
	}
	if err := unmarshal(payload, v); err != nil {
		return fmt.Errorf("potok: a %s cannot be read: %w", reflect.TypeOf(v).Elem(), err)
	}
	return nil
}

// unmarshal also survives an unmarshaler of the user's that panics.
func unmarshal(b []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its unmarshaler panicked: %v", p)
		}
	}()
	return decoder.Unmarshal(b, v)
}

var errShort = errors.New("potok: a message without a head")

// open takes the head off.
func open(b []byte) (codec byte, payload []byte, err error) {
	switch {
	case len(b) < headLen:
		return 0, nil, errShort
	case b[0] != Version:
		return 0, nil, fmt.Errorf("potok: a message of version %d came, where %d is spoken: both sides have to be of one build", b[0], Version)
	case b[1] != codecCBOR && b[1] != codecRaw:
		return 0, nil, fmt.Errorf("potok: a message in codec %d came, which nobody knows", b[1])
	}
	return b[1], b[headLen:], nil
}

// Take is Decode, but that the value may keep b, which is nobody else's from now on.
func Take(b []byte, v any) error {
	if codec, payload, err := open(b); err == nil && codec == codecRaw {
		if raw, ok := v.(*[]byte); ok {
			*raw = payload[:len(payload):len(payload)]
			return nil
		}
	}
	return Decode(b, v)
}
