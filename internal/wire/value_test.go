package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// cross sends a value over and fails the test if that is not possible.
func cross[T any](t testing.TB, v T) T {
	t.Helper()
	if err := CheckType(reflect.TypeFor[T]()); err != nil {
		t.Fatal(err)
	}
	b, err := Append([]byte("before"), &v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	b, ok := bytes.CutPrefix(b, []byte("before"))
	if !ok {
		t.Fatal("Append has written over what was there")
	}
	var back T
	if err := Decode(b, &back); err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	for i := range b { // what came back shares nothing with the bytes
		b[i] = 0xff
	}
	return back
}

// crosses checks that values come back equal.
func crosses[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, v := range values {
		if back := cross(t, v); !reflect.DeepEqual(back, v) {
			t.Errorf("%#v became %#v", v, back)
		}
	}
}

func TestNumbersComeBackWhole(t *testing.T) {
	crosses(t, 0, 1, -1, 1<<53+1, math.MaxInt, math.MinInt)
	crosses(t, uint64(math.MaxUint64), 0)
	crosses(t, int8(math.MinInt8), math.MaxInt8)
	crosses(t, uint8(255), 0)
	crosses(t, math.Pi, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), 1e300, 3)
	crosses(t, float32(0.1), math.MaxFloat32, float32(math.Inf(-1)))
	if back := cross(t, math.Copysign(0, -1)); !math.Signbit(back) {
		t.Error("-0 lost its sign")
	}
	for _, bits := range []uint64{math.Float64bits(math.NaN()), 0x7ff8_dead_beef_0001, 0xfff8_0000_0000_0000} {
		if back := math.Float64bits(cross(t, math.Float64frombits(bits))); back != bits {
			t.Errorf("NaN %x became %x", bits, back)
		}
	}
	if back := math.Float32bits(cross(t, math.Float32frombits(0x7fc0_0123))); back != 0x7fc0_0123 {
		t.Errorf("a NaN of 32 bits became %x", back)
	}
}

func TestBigNumbersComeBackWhole(t *testing.T) {
	two64 := new(big.Int).Lsh(big.NewInt(1), 64)
	for _, n := range []*big.Int{
		new(big.Int), big.NewInt(-1), big.NewInt(math.MinInt64), new(big.Int).Neg(two64), new(big.Int).Sub(big.NewInt(-1), two64), two64,
		new(big.Int).Exp(big.NewInt(-7), big.NewInt(30001), nil),
	} {
		crosses(t, n)
		crosses(t, *n)
	}
	crosses(t, (*big.Int)(nil))
	crosses(t, big.NewRat(-22, 7))
}

func TestTextsAndBytesComeBackAsTheyAre(t *testing.T) {
	crosses(t, "", "a", "žluť\x00", "not \xff\xfe UTF-8", strings.Repeat("x", 1<<16))
	crosses(t, map[string]string{"\xff": "\xfe"})
	crosses(t, nil, []byte{}, []byte{0}, bytes.Repeat([]byte{7}, 1<<20))
	crosses(t, [16]byte{1, 15: 2}, [16]byte{})
	type key []byte
	crosses(t, nil, key{}, key{1})
	type octet uint8
	crosses(t, nil, []octet{}, []octet{1, 255})
	type line string
	crosses(t, line("\xc3"))
}

func TestOnlyABytesSliceItselfGoesRaw(t *testing.T) {
	type key []byte
	raw, cooked, none := []byte("abc"), key("abc"), []byte(nil)
	for want, v := range map[byte]any{codecRaw: &raw, codecCBOR: &cooked} {
		b, err := Append(nil, v)
		if err != nil || b[0] != Version || b[1] != want {
			t.Errorf("%T: %v, %v", v, b, err)
		}
	}
	if b, _ := Append(nil, &none); b[1] != codecCBOR {
		t.Error("raw bytes cannot tell nil from empty")
	}
	b, _ := Append(nil, &raw)
	if err := Decode(b, &cooked); err == nil {
		t.Error("raw bytes were taken for a named type")
	}
	back := []byte{}
	if err := Decode(b, &back); err != nil || &back[0] == &b[headLen] {
		t.Errorf("it shares memory, or %v", err)
	}
}

func TestNilAndEmptyAreTwoThings(t *testing.T) {
	type inner struct{ A []int }
	type all struct {
		S  []int
		M  map[string]int
		B  []byte
		P  *inner
		T  []inner
		MM map[int]map[int][]string
	}
	crosses(t, all{}, all{S: []int{}, M: map[string]int{}, B: []byte{}, P: &inner{}, T: []inner{{}, {A: []int{}}}, MM: map[int]map[int][]string{1: nil, 2: {3: nil, 4: {}}}})
	crosses(t, nil, &inner{}, &inner{A: []int{}})
	crosses(t, []*int{nil, new(int)})
	crosses(t, struct{}{})
	crosses(t, nil, []struct{}{}, []struct{}{{}, {}})
}

func TestMapsComeBackWithTheirKeys(t *testing.T) {
	type point struct{ X, Y int8 }
	crosses(t, map[point]string{{1, 2}: "a", {}: "b"})
	crosses(t, map[[2]byte]int{{1, 2}: 3})
	crosses(t, map[[2]point]int{{}: 3, {{1, 2}}: 4})
	crosses(t, map[bool]int{true: 1, false: 0})
	crosses(t, map[float64]int{math.Inf(1): 1, 0: 2})
	crosses(t, map[netip.Addr]netip.Prefix{netip.MustParseAddr("::1"): netip.MustParsePrefix("10.0.0.0/8")})
	if back := cross(t, map[float64]int{math.NaN(): 1, math.Inf(-1): 2}); len(back) != 2 {
		t.Errorf("a NaN as a key: %v", back)
	}
}

func TestLargeCollectionsPass(t *testing.T) {
	s := make([]int, 200_000) // the library's own limit is 131,072
	m := make(map[int]bool, len(s))
	for i := range s {
		s[i], m[i] = i, i%2 == 0
	}
	crosses(t, s)
	crosses(t, m)
}

func TestTimesKeepInstantAndOffset(t *testing.T) {
	for _, v := range []time.Time{
		{},
		time.Now(),
		time.Date(1969, time.July, 20, 20, 17, 40, 123456789, time.FixedZone("EDT", -4*3600)),
		time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 23*3600+59*60)),
	} {
		back := cross(t, v)
		_, offset := v.Zone()
		if _, got := back.Zone(); !back.Equal(v) || got != offset {
			t.Errorf("%v became %v", v, back)
		}
		if strings.Contains(back.String(), "m=") {
			t.Error("a monotonic reading of another machine")
		}
	}
	crosses(t, time.Time{}, time.Unix(3, 5).UTC())
	b, _ := Append(nil, ptr(time.Unix(3, 5)))
	if b[headLen] != 0xc0 {
		t.Errorf("% x is not tagged as a time", b)
	}
	b[headLen] = 0xc5
	if err := Decode(b, new(time.Time)); err == nil {
		t.Error("something tagged as another thing was taken for a time")
	}
	crosses(t, nil, &struct{ At *time.Time }{})
	crosses(t, time.Hour)
}

func TestTimesThatHaveNoTextAreRefused(t *testing.T) {
	zero := time.Time{}
	odd := time.Date(1900, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 1172))
	type event struct {
		Name string
		At   *time.Time
	}
	type tree struct {
		At   time.Time
		Kids map[string][]tree
	}
	for want, v := range map[string]any{
		"the zero time would arrive as nil": &event{At: &zero},
		"has seconds":                       &odd,
		"year outside":                      ptr(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"which would be lost":               &tree{Kids: map[string][]tree{"a": {{}, {At: odd}}}},
	} {
		b, err := Append([]byte("x"), v)
		if err == nil || !strings.Contains(err.Error(), want) || string(b) != "x" {
			t.Errorf("%T: %q, %v; want %q", v, b, err, want)
		}
	}
	if _, err := Append(nil, &event{}); err != nil {
		t.Error(err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestTypesWithMarshalersSeeToThemselves(t *testing.T) {
	u, err := url.Parse("https://user@example.org/a?b#c")
	if err != nil {
		t.Fatal(err)
	}
	crosses(t, *u)
	crosses(t, u, nil)
	crosses(t, net.ParseIP("10.0.0.1"), nil)
	crosses(t, ptr(net.ParseIP("10.0.0.1"))) // its nil has a text
	crosses(t, netip.MustParseAddrPort("[fe80::1%eth0]:80"))
	crosses(t, twoForms{7}, twoForms{})
	crosses(t, []ownCBOR{{"a"}, {}})
	crosses(t, map[textKey]int{{1, 2}: 3, {}: 4})
	crosses(t, struct{ twoFormsAlone }{twoFormsAlone{3}})
}

type (
	twoForms      struct{ n int } // binary and text: binary it is
	twoFormsAlone struct{ n int }
	ownCBOR       struct{ s string }
	textKey       struct{ a, b int }
)

func (v twoForms) MarshalBinary() ([]byte, error) { return []byte{byte(v.n)}, nil }
func (v *twoForms) UnmarshalBinary(b []byte) error {
	v.n = int(b[0])
	return nil
}
func (v twoForms) MarshalText() ([]byte, error)      { return nil, errors.New("not this one") }
func (v *twoForms) UnmarshalText([]byte) error       { return errors.New("nor this") }
func (v twoFormsAlone) MarshalText() ([]byte, error) { return []byte{byte(v.n)}, nil }
func (v *twoFormsAlone) UnmarshalText(b []byte) error {
	v.n = int(b[0])
	return nil
}
func (v ownCBOR) MarshalCBOR() ([]byte, error) { return encoder.Marshal([]string{v.s}) }
func (v *ownCBOR) UnmarshalCBOR(b []byte) error {
	var s []string
	if err := decoder.Unmarshal(b, &s); err != nil {
		return err
	}
	v.s = s[0]
	return nil
}
func (v textKey) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d/%d", v.a, v.b), nil }
func (v *textKey) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%d/%d", &v.a, &v.b)
	return err
}

func TestTagsOfCBORAndJSONAreHonoured(t *testing.T) {
	type tagged struct {
		A int    `cbor:"1,keyasint"`
		B string `json:"bee"`
		C []int  `json:",omitempty"`
		D int    `json:"-"`
		E int    `cbor:"-"`
		F int    `cbor:"eff" json:"-"`
		f func() `cbor:"-"`
		G int    `cbor:"-,"`
	}
	got := cross(t, tagged{A: 1, B: "b", C: []int{}, D: 4, E: 5, F: 6, f: func() {}, G: 7})
	want := tagged{A: 1, B: "b", F: 6, G: 7}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	b, _ := Append(nil, &tagged{B: "b"})
	if !bytes.Contains(b, []byte("bee")) || bytes.Contains(b, []byte("C")) {
		t.Errorf("%q", b)
	}
	type row struct {
		_ struct{} `cbor:",toarray"`
		A int
		B []string `cbor:",omitempty"`
	}
	crosses(t, row{A: 1, B: []string{}}, row{})
	type open struct {
		_ struct{} `cbor:",toindefarray"`
		A int
	}
	crosses(t, []open{{A: 1}, {}})
	type cases struct{ Name, NAME, NaMe string }
	crosses(t, cases{"a", "b", "c"})
}

func TestEmbeddedStructsPass(t *testing.T) {
	type base struct{ A, B int }
	type Base struct{ C int }
	type outer struct {
		base
		Base
		D int
	}
	crosses(t, outer{base{1, 2}, Base{3}, 4})
	type when struct{ At time.Time }
	type dated struct {
		when
		Kids []dated
	}
	crosses(t, dated{when{time.Unix(1, 2).UTC()}, []dated{{}}})
	type named struct {
		*Base `cbor:"base"`
		D     int
	}
	crosses(t, named{}, named{Base: &Base{}}, named{&Base{1}, 2})
}

func TestAMarshalerThatFailsOrPanicsIsAnError(t *testing.T) {
	for _, v := range []any{&badMarshaler{1}, &badMarshaler{2}} {
		b, err := Append([]byte("x"), v)
		if err == nil || string(b) != "x" || !strings.Contains(err.Error(), "badMarshaler") {
			t.Errorf("%q, %v", b, err)
		}
	}
	b, err := Append(nil, &badMarshaler{0})
	if err != nil {
		t.Fatal(err)
	}
	if err := Decode(b, new(badMarshaler)); err == nil || !strings.Contains(err.Error(), "panicked: unreadable") {
		t.Error(err)
	}
}

type badMarshaler struct{ how int }

func (v *badMarshaler) MarshalText() ([]byte, error) {
	switch v.how {
	case 1:
		return nil, errors.New("no")
	case 2:
		panic("no")
	}
	return nil, nil
}
func (v *badMarshaler) UnmarshalText([]byte) error { panic("unreadable") }

func TestWhatAppendDidNotWriteIsRefused(t *testing.T) {
	n := 1
	good, _ := Append(nil, &n)
	for _, b := range [][]byte{
		nil, good[:1], good[:2], append(slices.Clone(good), 0),
		{Version + 1, codecCBOR, 1},
		{Version, 9, 1},
		{Version, codecRaw, 1},
		{Version, codecCBOR, 0x61, 'a'},
		{Version, codecCBOR, 0xfb},
	} {
		if err := Decode(b, new(int)); err == nil || !strings.HasPrefix(err.Error(), "potok: ") {
			t.Errorf("% x: %v", b, err)
		}
	}
	// One key twice is two values.
	if err := Decode([]byte{Version, codecCBOR, 0xa2, 0x61, 'A', 1, 0x61, 'A', 2}, new(struct{ A int })); err == nil {
		t.Error("a field came twice")
	}
	if err := Decode([]byte{Version, codecCBOR, 0xa2, 1, 1, 1, 2}, new(map[int]int)); err == nil {
		t.Error("a key came twice")
	}
}

func TestManyGoroutinesEncodeAtOnce(t *testing.T) {
	type fresh struct { // a type that nobody has looked at yet
		Texts []string
		Next  *fresh
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				v := &fresh{Texts: []string{strings.Repeat("x", i*j)}, Next: &fresh{}}
				if back := cross(t, v); !reflect.DeepEqual(back, v) {
					t.Errorf("%d, %d: %v", i, j, back)
					return
				}
			}
		})
	}
	all.Wait()
}

// allocated returns how many bytes fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestALengthThatIsClaimedAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	head := []byte{Version, codecCBOR}
	for _, v := range []any{new([]int), new(map[int]int), new(map[string][]string), new(string), new([]byte), new([]struct{}), new(big.Int), new(struct{ A []int })} {
		for _, major := range []byte{0x40, 0x60, 0x80, 0xa0} {
			for _, claim := range [][]byte{{26, 0x7f, 0xff, 0xff, 0xff}, {26, 0xff, 0xff, 0xff, 0xff}, {27, 0x7f, 0, 0, 0, 0, 0, 0, 0}, {27, 0xff, 0, 0, 0, 0, 0, 0, 0}} {
				for _, before := range [][]byte{nil, {0xc2}, {0xa1, 0x61, 'A'}, {0x81}} {
					b := append(append(slices.Clone(head), before...), claim...)
					b[headLen+len(before)] |= major
					var err error
					if n := allocated(func() { err = Decode(b, v) }); err == nil || n > 64<<10 {
						t.Errorf("%T: % x: %d bytes, %v", v, b, n, err)
					}
				}
			}
		}
	}
}

func TestALargeValueIsCopiedOnce(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	const size = 8 << 20
	raw, text := make([]byte, size), strings.Repeat("x", size)
	inside := struct {
		Name string
		Body []byte
	}{"a", raw}
	floats, texts := make([]float64, size/8), make([]string, size/64)
	for i := range texts {
		texts[i] = text[:60]
	}
	number := new(big.Int).Lsh(big.NewInt(1), size*8)
	for name, v := range map[string]any{"bytes": &raw, "text": &text, "inside": &inside, "floats": &floats, "texts": &texts} {
		var b []byte
		n := allocated(func() { b, _ = Append(nil, v) })
		if n > size+size/4 {
			t.Errorf("%s: Append allocates %d bytes for %d", name, n, size)
		}
		n = allocated(func() { _, _ = Append(b[:0], v) })
		if n > 64<<10 {
			t.Errorf("%s: Append allocates %d bytes although there is room", name, n)
		}
		back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if n = allocated(func() { _ = Decode(b, back) }); n > size+size/2 {
			t.Errorf("%s: Decode allocates %d bytes for %d", name, n, size)
		}
	}
	if n := allocated(func() { _, _ = Append(nil, &number) }); n > 5*size { // the library makes two copies
		t.Errorf("a number: Append allocates %d bytes for %d", n, size)
	}
}
