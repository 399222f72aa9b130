package wire

import "encoding/binary"

// An Array collects values that Append has written, to decode them at once into a slice: much cheaper a value than one
// by one. The zero Array is empty.
type Array struct {
	b []byte
	n int
}

// arrayHead is an array's with a length of four bytes, RFC 8949, section 3.
const arrayHead = 0x9A

// Add adds a value. False: it was written in a way that only Decode reads.
func (a *Array) Add(value []byte) bool {
	codec, payload, err := open(value)
	if err != nil || codec != codecCBOR || decoder.Wellformed(payload) != nil {
		return false
	}
	if a.n == 0 {
		a.b = append(a.b[:0], Version, codecCBOR, arrayHead, 0, 0, 0, 0)
	}
	a.b = append(a.b, payload...)
	a.n++
	return true
}

// Decode reads the values into the slice that v points to, which has as many elements, all zero, and empties the Array.
func (a *Array) Decode(v any) error {
	if a.n == 0 {
		return nil
	}
	binary.BigEndian.PutUint32(a.b[headLen+1:], uint32(a.n))
	a.n = 0
	return Decode(a.b, v)
}
