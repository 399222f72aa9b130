package wire

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// equal is reflect.DeepEqual, but for times, which keep their instant and their
// offset only, and big numbers, whose zero has two forms in memory.
func equal(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		return a.IsValid() == b.IsValid()
	}
	switch a.Type() {
	case timeType:
		x, y := a.Interface().(time.Time), b.Interface().(time.Time)
		_, i := x.Zone()
		_, j := y.Zone()
		return x.Equal(y) && (i == j || x.IsZero())
	case bigIntType:
		x, y := a.Interface().(big.Int), b.Interface().(big.Int)
		return x.Cmp(&y) == 0
	}
	if f, _ := formOf(a.Type()); f != nil {
		return reflect.DeepEqual(a.Interface(), b.Interface())
	}
	switch a.Kind() {
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && equal(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() || a.IsNil() != b.IsNil() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			if !equal(it.Value(), b.MapIndex(it.Key())) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() && !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(a.Interface(), b.Interface())
	}
}

// hasNaN says whether there is one, which is not equal to itself.
func hasNaN(v reflect.Value) bool { return !equal(v, v) }

// leaves are the types that generated ones are made of, good and bad.
var leaves = []reflect.Type{
	typeOf[bool](), typeOf[int](), typeOf[int8](), typeOf[int16](), typeOf[int32](), typeOf[int64](), typeOf[uint](), typeOf[uint8](), typeOf[uint16](), typeOf[uint64](),
	typeOf[float32](), typeOf[float64](), typeOf[string](), typeOf[[]byte](), typeOf[[5]byte](), typeOf[named](), typeOf[time.Duration](),
	typeOf[time.Time](), typeOf[*time.Time](), typeOf[*big.Int](), typeOf[big.Int](), typeOf[netip.Addr](), typeOf[url.URL](), typeOf[Base](), typeOf[*plain](),
	typeOf[textKey](), typeOf[ownCBOR](), typeOf[twoForms](), typeOf[harmless](), typeOf[*node](), typeOf[ring](),
	typeOf[onlyOut](), typeOf[onlyIn](), typeOf[onlyBytes](), typeOf[any](), typeOf[chan int](), typeOf[complex64](), typeOf[hidden](),
}

var tags = []reflect.StructTag{
	"", "", "", `cbor:"A"`, `json:"b"`, `cbor:"1,keyasint"`, `cbor:"2,keyasint"`, `cbor:"B"`, `cbor:"-,"`, `json:"x,string"`,
}

// generator makes types and values from a seed.
type generator struct{ *rand.Rand }

func (g generator) typ(depth int) reflect.Type {
	if depth == 0 || g.IntN(5) == 0 {
		return leaves[g.IntN(len(leaves))]
	}
	switch g.IntN(7) {
	case 0:
		return reflect.PointerTo(g.typ(depth - 1))
	case 1:
		return reflect.SliceOf(g.typ(depth - 1))
	case 2:
		return reflect.ArrayOf(g.IntN(4), g.typ(depth-1))
	case 3:
		for {
			if key := g.typ(depth - 1); key.Comparable() {
				return reflect.MapOf(key, g.typ(depth-1))
			}
		}
	default:
		return g.structure(depth)
	}
}

func (g generator) structure(depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range g.IntN(5) {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("%c", 'A'+i), Type: g.typ(depth - 1), Tag: tags[g.IntN(len(tags))]})
	}
	if g.IntN(6) == 0 { // reflect makes no other embedded fields
		fields = append(fields, reflect.StructField{Name: "Base", Type: typeOf[Base](), Anonymous: true})
	}
	if g.IntN(6) == 0 {
		fields = append(fields, reflect.StructField{Name: "Other", Type: typeOf[Other](), Anonymous: true})
	}
	return reflect.StructOf(fields)
}

// fill sets v to something, with a liking for what is at an edge.
func (g generator) fill(v reflect.Value, depth int) {
	switch v.Type() {
	case timeType:
		v.Set(reflect.ValueOf([]time.Time{{}, time.Unix(g.Int64N(1<<33), g.Int64N(1e9)), time.Unix(-1, 1).UTC(), time.Unix(g.Int64N(1<<33), 0).In(time.FixedZone("Z", 60*(g.IntN(2000)-1000)))}[g.IntN(4)]))
		return
	case bigIntType:
		n := new(big.Int).Lsh(big.NewInt(g.Int64()-math.MaxInt64/2), uint(g.IntN(200)))
		v.Set(reflect.ValueOf(*n))
		return
	case typeOf[netip.Addr]():
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{byte(g.Int()), 2, 3, 4})))
		return
	case typeOf[url.URL]():
		v.Set(reflect.ValueOf(url.URL{Scheme: "http", Host: "h", Path: fmt.Sprintf("/%d", g.Int())}))
		return
	case typeOf[textKey]():
		v.Set(reflect.ValueOf(textKey{g.Int(), g.Int()}))
		return
	case typeOf[ownCBOR]():
		v.Set(reflect.ValueOf(ownCBOR{fmt.Sprint(g.Int())}))
		return
	case typeOf[twoForms]():
		v.Set(reflect.ValueOf(twoForms{g.IntN(256)}))
		return
	}
	ints := []int64{0, 1, -1, 23, 24, 255, 256, math.MaxInt64, math.MinInt64, g.Int64()}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(ints[g.IntN(len(ints))])
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(ints[g.IntN(len(ints))]))
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, -1.5, math.Inf(1), math.Inf(-1), math.MaxFloat32, g.NormFloat64()}[g.IntN(6)])
	case reflect.String:
		v.SetString([]string{"", "a", "\xff\x00", "длинная строка, больше двадцати трёх", fmt.Sprint(g.Int())}[g.IntN(5)])
	case reflect.Pointer:
		if depth > 0 && g.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if n := g.IntN(4); n > 0 && depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			g.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		if n := g.IntN(5); n > 0 && depth > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n - 1 {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				g.fill(key, depth-1)
				g.fill(value, depth-1)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				g.fill(v.Field(i), depth)
			}
		}
	}
}

// Whatever type it is: either CheckType refuses it, or each of its values comes
// back equal, or Append says why not.
func TestWhatCheckTypePassesComesBackEqual(t *testing.T) {
	seeds := 20_000
	if raceEnabled {
		seeds /= 10
	}
	passed, sent, refused := 0, 0, 0
	for seed := range uint64(seeds) {
		g := generator{rand.New(rand.NewPCG(seed, 7))}
		typ := g.typ(4)
		if CheckType(typ) != nil {
			continue
		}
		passed++
		for range 4 {
			v, back := reflect.New(typ), reflect.New(typ)
			g.fill(v.Elem(), 5)
			b, err := Append(nil, v.Interface())
			if err != nil {
				refused++
				if !hasZeroTime(v, false) {
					t.Fatalf("seed %d: %v: %#v: %v", seed, typ, v.Elem(), err)
				}
				continue
			}
			sent++
			if err := Decode(b, back.Interface()); err != nil {
				t.Fatalf("seed %d: %v: %#v: %v", seed, typ, v.Elem(), err)
			}
			if !equal(v, back) {
				t.Fatalf("seed %d: %v:\n%#v became\n%#v", seed, typ, v.Elem(), back.Elem())
			}
		}
	}
	t.Logf("%d types of %d passed; %d values sent, %d refused", passed, seeds, sent, refused)
	if passed < seeds/10 || sent < 20*refused {
		t.Error("too little was tried")
	}
}

// hasZeroTime says whether a pointer leads to one, what Append may refuse.
func hasZeroTime(v reflect.Value, pointed bool) bool {
	if v.Type() == timeType {
		return pointed && v.Interface().(time.Time).IsZero()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && hasZeroTime(v.Elem(), true)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if hasZeroTime(v.Index(i), false) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if hasZeroTime(it.Value(), false) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && hasZeroTime(v.Field(i), false) {
				return true
			}
		}
	}
	return false
}
