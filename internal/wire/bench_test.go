package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

// job is a struct as tasks take it.
type job struct {
	Name  string
	Count int
	Rate  float64
}

type event struct {
	Name string
	At   time.Time
}

var shapesOfValues = []struct {
	name string
	v    any
	back func() any
}{
	{"int", ptr(123456), func() any { return new(int) }},
	{"struct", &job{"a name", 42, 0.5}, func() any { return new(job) }},
	{"event", &event{"a name", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}, func() any { return new(event) }},
	{"ints10k", ptr(make([]int, 10_000)), func() any { return new([]int) }},
	{"events1k", ptr(make([]event, 1000)), func() any { return new([]event) }},
	{"list100", listOf(100), func() any { return new(*node) }},
	{"string10KB", ptr(strings.Repeat("x", 10_000)), func() any { return new(string) }},
	{"bytes1MB", ptr(bytes.Repeat([]byte("x"), 1<<20)), func() any { return new([]byte) }},
	{"big100kDigits", ptr(new(big.Int).Exp(big.NewInt(10), big.NewInt(100_000), nil)), func() any { return new(*big.Int) }},
}

func listOf(n int) **node {
	var v *node
	for i := range n {
		v = &node{i, v}
	}
	return &v
}

// A frame that is used again and again, as a connection has it.
func BenchmarkAppend(b *testing.B) {
	for _, s := range shapesOfValues {
		b.Run("value="+s.name, func(b *testing.B) {
			b.ReportAllocs()
			frame, err := Append(nil, s.v)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				frame, _ = Append(frame[:0], s.v)
			}
		})
	}
}

// A frame of its own for each value.
func BenchmarkAppendNew(b *testing.B) {
	for _, s := range shapesOfValues {
		b.Run("value="+s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Append(nil, s.v)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range shapesOfValues {
		b.Run("value="+s.name, func(b *testing.B) {
			b.ReportAllocs()
			frame, err := Append(nil, s.v)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if err := Decode(frame, s.back()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheckType(b *testing.B) {
	b.ReportAllocs()
	t := reflect.TypeFor[mixed]()
	for b.Loop() {
		_ = CheckType(t)
	}
}

func BenchmarkAppendError(b *testing.B) {
	for name, err := range map[string]error{
		"text":    errors.New("a text"),
		"wrapped": fmt.Errorf("page 7: %w", io.EOF),
		"typed":   &died{"w1", 1, []byte("stderr")},
	} {
		b.Run("error="+name, func(b *testing.B) {
			b.ReportAllocs()
			var frame []byte
			for b.Loop() {
				frame = AppendError(frame[:0], err)
			}
		})
	}
}
