package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

type (
	node struct {
		N    int
		Next *node
	}
	ring   []ring
	chains map[string]chains
	forest struct {
		Trees []forest
		Leaf  []int
	}
	family struct {
		Kids   []*family
		Parent *family `cbor:"-"` // a way back that is not sent
	}
	flatNode struct {
		Link
		Name string
	}
	Link  struct{ To *flatNode }
	dated struct {
		At   time.Time
		Next *dated
	}
	nested int // as CBOR arrays in one another, so many
)

func (v nested) MarshalCBOR() ([]byte, error) {
	return append(bytes.Repeat([]byte{0x81}, int(v)-1), 0x80), nil
}

func (v *nested) UnmarshalCBOR(b []byte) error {
	*v = nested(len(b))
	return nil
}

// deepTo sends one value as deep as the limit allows on both sides, and one level more.
func deepTo[T any](t *testing.T, name string, of func(levels int) T) {
	t.Helper()
	for _, levels := range []int{1, 2, maxDepth - 1, maxDepth} {
		v := of(levels)
		b, err := Append(nil, &v)
		if err != nil {
			t.Errorf("%s, %d levels: %v", name, levels, err)
			continue
		}
		var back T
		if err := Decode(b, &back); err != nil || !reflect.DeepEqual(back, v) {
			t.Errorf("%s, %d levels did not come back: %v", name, levels, err)
		}
	}
	for _, levels := range []int{maxDepth + 1, 3 * maxDepth} {
		v := of(levels)
		if b, err := Append([]byte("x"), &v); !errors.Is(err, errDeep) || string(b) != "x" {
			t.Errorf("%s, %d levels: %d bytes, %v", name, levels, len(b), err)
		}
	}
}

func TestTheDepthOfAValueIsLimitedAlikeOnBothSides(t *testing.T) {
	deepTo(t, "list", func(n int) *node {
		var v *node
		for i := range n {
			v = &node{i, v}
		}
		return v
	})
	deepTo(t, "slices", func(n int) ring {
		v := ring{}
		for range n - 1 {
			v = ring{v}
		}
		return v
	})
	deepTo(t, "slices with nil", func(n int) ring {
		v := ring{nil, nil}
		for range n - 1 {
			v = ring{v, nil}
		}
		return v
	})
	deepTo(t, "maps", func(n int) chains {
		v := chains{}
		for range n - 1 {
			v = chains{"a": v}
		}
		return v
	})
	deepTo(t, "embedded", func(n int) flatNode {
		v := flatNode{}
		for range n - 1 {
			v = flatNode{Link: Link{&flatNode{v.Link, "x"}}}
		}
		return v
	})
	deepTo(t, "times", func(n int) *dated {
		var v *dated
		for range n {
			v = &dated{time.Unix(1, 0).UTC(), v}
		}
		return v
	})
	deepTo(t, "a marshaler's", func(n int) nested { return nested(n) })
	// The last level is one that is not looked at.
	deepTo(t, "leaves", func(n int) forest {
		v := forest{}
		if n%2 == 0 {
			v.Leaf = []int{1}
		}
		for range (n - 1) / 2 {
			v = forest{Trees: []forest{v}}
		}
		return v
	})
}

func TestATypeOfManyLevelsIsLimitedToo(t *testing.T) {
	typ := reflect.TypeFor[int]()
	for range maxDepth {
		typ = reflect.SliceOf(typ)
	}
	for _, c := range []struct {
		typ    reflect.Type
		levels int
		fits   bool
	}{
		{typ, maxDepth, true}, {reflect.SliceOf(typ), maxDepth, true}, {reflect.SliceOf(typ), maxDepth + 1, false},
	} {
		v := reflect.New(c.typ)
		for e := v.Elem(); e.Kind() == reflect.Slice && c.levels > 0; e, c.levels = e.Index(0), c.levels-1 {
			e.Set(reflect.MakeSlice(e.Type(), 1, 1))
		}
		if err := CheckType(c.typ); err != nil {
			t.Error(err)
		}
		b, err := Append(nil, v.Interface())
		if c.fits != (err == nil) {
			t.Fatal(err)
		}
		back := reflect.New(c.typ)
		if c.fits && (Decode(b, back.Interface()) != nil || !reflect.DeepEqual(v.Interface(), back.Interface())) {
			t.Error("it did not come back")
		}
	}
}

func TestACycleIsAnError(t *testing.T) {
	n := &node{N: 1}
	n.Next = &node{2, n}
	r := make(ring, 1)
	r[0] = r
	c := chains{}
	c["c"] = c
	f := forest{Trees: make([]forest, 2)}
	f.Trees[1] = f
	l := &flatNode{}
	l.To = l
	for _, v := range []any{&n, n, &r, &c, &f, l, &l} {
		if _, err := Append(nil, v); !errors.Is(err, errDeep) || !strings.Contains(err.Error(), "or in itself") {
			t.Errorf("%T: %v", v, err)
		}
	}
	child := &family{}
	child.Parent = &family{Kids: []*family{child}}
	if _, err := Append(nil, child.Parent); err != nil {
		t.Errorf("what is not sent was looked at: %v", err)
	}
}
