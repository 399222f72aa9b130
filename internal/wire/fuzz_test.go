package wire

import (
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// mixed has something of everything.
type mixed struct {
	Bool   bool
	Int    int64
	Small  int8
	Uint   uint64
	Float  float64
	Single float32
	Text   string
	Bytes  []byte
	Array  [3]uint16
	Four   [4]byte
	Texts  []string
	Next   *mixed
	Kids   []mixed
	Map    map[string][]int
	Points map[[2]int8]bool
	Big    *big.Int
	At     time.Time
	Until  *time.Time
	Addr   netip.Addr
	URL    *url.URL
	Key    int `cbor:"1,keyasint,omitempty"`
	Base
}

// targets are what fuzzed bytes are decoded into.
var targets = []func() any{
	func() any { return new(int) },
	func() any { return new(string) },
	func() any { return new([]byte) },
	func() any { return new([]string) },
	func() any { return new(map[string]int) },
	func() any { return new(map[float64]string) },
	func() any { return new(*big.Int) },
	func() any { return new(time.Time) },
	func() any { return new(ring) },
	func() any { return new(chains) },
	func() any { return new(*node) },
	func() any { return new(mixed) },
	func() any { return new(struct{}) },
}

// What decodes encodes again, unless it is one of the few values that Append
// refuses, and comes back the same a second time.
func FuzzDecode(f *testing.F) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	for i, v := range []any{
		ptr(-7), ptr("text"), ptr([]byte("raw")), ptr([]byte(nil)), ptr([]string{"a", ""}), ptr(map[string]int{"a": 1}), ptr(map[float64]string{0: ""}), ptr(new(big.Int).Lsh(big.NewInt(-1), 70)), &when,
		ptr(ring{nil, {}, {{}}}), ptr(chains{"a": {"b": nil}}), ptr(&node{1, &node{}}),
		&mixed{Text: "t", Kids: []mixed{{}}, Next: &mixed{}, Map: map[string][]int{"": {1}}, Points: map[[2]int8]bool{{1, 2}: true}, Big: big.NewInt(1), At: when, Until: &when, Addr: netip.IPv6Loopback(), URL: &url.URL{Host: "h"}},
	} {
		b, err := Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), b)
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		target := targets[int(which)%len(targets)]
		v := target()
		var err error
		n := allocated(func() { err = Decode(b, v) })
		if limit := uint64(256<<10 + 1000*len(b)); n > limit && !raceEnabled {
			t.Errorf("%d bytes allocated for %d", n, len(b))
		}
		if err != nil {
			return
		}
		first, err := Append(nil, v)
		if err != nil {
			return
		}
		back := target()
		if err := Decode(first, back); err != nil {
			t.Fatalf("%#v does not come back: %v", v, err)
		}
		second, err := Append(nil, back)
		if err != nil || len(first) != len(second) { // maps have no order, NaNs are equal to nothing
			t.Fatalf("% x became % x, %v", first, second, err)
		}
		if !hasNaN(reflect.ValueOf(v)) && !equal(reflect.ValueOf(v), reflect.ValueOf(back)) {
			t.Fatalf("%#v became %#v", v, back)
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	for _, err := range []error{errKnown, errUnknown, &died{"w", 1, []byte("x")}} {
		f.Add(AppendError(nil, err))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var far, err error
		n := allocated(func() { far, err = DecodeError(b) })
		if limit := uint64(256<<10 + 1000*len(b)); n > limit && !raceEnabled {
			t.Errorf("%d bytes allocated for %d", n, len(b))
		}
		if err != nil {
			return
		}
		again, err := DecodeError(AppendError(nil, far))
		if err != nil || again.Error() != far.Error() {
			t.Fatalf("%q became %v, %v", far, again, err)
		}
	})
}
