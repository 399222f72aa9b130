package main

import (
	"math/rand/v2"
	"testing"
)

func TestAHashSetIsASet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s hashSet
	model := make(map[uint64]bool)
	for range 100_000 {
		h := 1 + r.Uint64N(200_000)
		if r.IntN(3) == 0 {
			if s.has(h) != model[h] {
				t.Fatalf("has(%d) is %v", h, s.has(h))
			}
			continue
		}
		if s.add(h) == model[h] {
			t.Fatalf("add(%d) is %v", h, !model[h])
		}
		model[h] = true
	}
	if s.n != len(model) {
		t.Errorf("%d hashes, want %d", s.n, len(model))
	}
	if per := float64(8*len(s.slots)) / float64(s.n); per > 16 {
		t.Errorf("%.1f bytes a hash", per)
	}
}
