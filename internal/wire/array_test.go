package wire

import (
	"reflect"
	"testing"
)

func TestValuesThatAreDecodedTogether(t *testing.T) {
	type pair struct {
		A int
		B string
	}
	var a Array
	for round := range 3 {
		want := []pair{{round, "a"}, {}, {-1, "ü"}}
		for i := range want {
			b, err := Append(nil, &want[i])
			if err != nil {
				t.Fatal(err)
			}
			if !a.Add(b) {
				t.Fatal("not added")
			}
		}
		got := make([]pair, len(want))
		if err := a.Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v", got, err)
		}
		for i := range want {
			var one pair
			if err := Decode(a.At(i), &one); err != nil || one != want[i] {
				t.Errorf("%v, %v", one, err)
			}
		}
		a.Clear()
	}
	raw := []byte("raw")
	b, err := Append(nil, &raw)
	if err != nil || a.Add(b) {
		t.Errorf("bytes that cross as they are: %v", err)
	}
	for _, bad := range [][]byte{nil, {Version}, {Version + 1, codecCBOR, 1}, {Version, codecCBOR}, {Version, codecCBOR, 0x82, 1}, {Version, codecCBOR, 1, 1}} {
		if a.Add(bad) {
			t.Errorf("% x was added", bad)
		}
	}
	var backing [2]int
	v := backing[:]
	for _, n := range []int{7, 8} {
		b, err := Append(nil, &n)
		if err != nil || !a.Add(b) {
			t.Fatal(err)
		}
	}
	if err := a.Decode(&v); err != nil || backing != [2]int{7, 8} {
		t.Errorf("not stored in place: %v, %v", backing, err)
	}
}
