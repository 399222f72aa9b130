package wire

import "encoding/binary"

// An Array collects values that Append has written, to decode them at once into a slice: much cheaper a value than one
// by one. The zero Array is empty.
type Array struct {
	b    []byte
	ends []int // of each value, in b
}

// arrayHead is an array's with a length of four bytes, RFC 8949, section 3.
const arrayHead = 0x9A

// Add adds a value. False: it was written in a way that only Decode reads.
func (a *Array) Add(value []byte) bool {
	codec, payload, err := open(value)
	if err != nil || codec != codecCBOR || decoder.Wellformed(payload) != nil {
		return false
	}
	if len(a.ends) == 0 {
		a.b = append(a.b[:0], Version, codecCBOR, arrayHead, 0, 0, 0, 0)
	}
	a.b = append(a.b, payload...)
	a.ends = append(a.ends, len(a.b))
	return true
}

const valuesAt = headLen + 5

// Decode reads the values into the slice that v points to, which has as many elements, all zero.
func (a *Array) Decode(v any) error {
	binary.BigEndian.PutUint32(a.b[headLen+1:], uint32(len(a.ends)))
	return Decode(a.b, v)
}

// At returns the i-th value, as it was added.
func (a *Array) At(i int) []byte {
	from := valuesAt
	if i > 0 {
		from = a.ends[i-1]
	}
	return append([]byte{Version, codecCBOR}, a.b[from:a.ends[i]]...)
}

// Clear empties the Array.
func (a *Array) Clear() { a.b, a.ends = a.b[:0], a.ends[:0] }
