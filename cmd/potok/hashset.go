package main

import "hash/maphash"

// hashSet is a set of strings by their hashes: 8 bytes each at a load of up to seven eighths. Two of 10,000,000 have the same hash once
// in 400,000 runs.
type hashSet struct {
	slots []uint64 // 0: empty
	n     int
}

var hashSeed = maphash.MakeSeed()

func hashOf(s string) uint64 { return max(maphash.String(hashSeed, s), 1) }

// add puts a hash in. False: it was in already.
func (s *hashSet) add(h uint64) bool {
	if 8*(s.n+1) > 7*len(s.slots) {
		s.grow()
	}
	i := s.find(h)
	if s.slots[i] == h {
		return false
	}
	s.slots[i] = h
	s.n++
	return true
}

func (s *hashSet) has(h uint64) bool { return s.n > 0 && s.slots[s.find(h)] == h }

// find returns where the hash is, or would be.
func (s *hashSet) find(h uint64) int {
	i := int(h % uint64(len(s.slots)))
	for s.slots[i] != 0 && s.slots[i] != h {
		if i++; i == len(s.slots) {
			i = 0
		}
	}
	return i
}

// grow makes room for half as many more, so that what is empty never costs more than what is not.
func (s *hashSet) grow() {
	old := s.slots
	s.slots = make([]uint64, max(1024, len(old)/2*3))
	for _, h := range old {
		if h != 0 {
			s.slots[s.find(h)] = h
		}
	}
}
