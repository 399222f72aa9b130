package lock

import "slices"

// searchSteps is how many edges a search looks at, at most. A cycle is found long before, unless gates rule out very
// many; then it is not reported.
const searchSteps = 10_000

// A link is one edge of a cycle, with the occasion that is told of it.
type link struct {
	from, to *node
	seen     *sighting
}

// cycleLocked returns the shortest cycle that the new link closes, with what was seen since an epoch: nil if there is
// none that could deadlock. Two links that a gate keeps apart, a lock held in both, are never there at the same time, and
// neither are two of which one holds what the other comes from.
//
// The way is searched backwards from where the link comes from to where it leads to.
func cycleLocked(closing link, since uint64) []link {
	if closing.to.out == 0 {
		return nil // nothing comes after it
	}
	shortest, all := distance(closing.to, closing.from, since)
	if shortest == 0 {
		return nil
	}
	s := search{target: closing.to, since: since, path: []link{closing}, steps: searchSteps}
	for length := shortest; length <= all && s.steps > 0; length++ {
		if s.extend(closing.from, length) {
			slices.Reverse(s.path[1:])
			return s.path
		}
	}
	return nil
}

// distance is how many edges lead from one node to another at least, 0 if there is no way; and how many nodes there are
// that lead there.
func distance(from, to *node, since uint64) (shortest, all int) {
	reached := map[*node]bool{to: true}
	for layer, length := []*node{to}, 1; len(layer) > 0; length++ {
		var next []*node
		for _, n := range layer {
			for e := range n.in.Load().all {
				before := e.from.Value()
				if before == nil || reached[before] || !e.seenSince(since) {
					continue
				}
				if before == from && shortest == 0 {
					shortest = length
				}
				reached[before] = true
				next = append(next, before)
			}
		}
		layer = next
	}
	return shortest, len(reached)
}

func (e *edge) seenSince(epoch uint64) bool {
	return slices.ContainsFunc(*e.sightings.Load(), func(s *sighting) bool { return s.epoch >= epoch })
}

type search struct {
	target *node
	since  uint64
	path   []link // the closing link, and then backwards
	steps  int
}

// extend looks for a way of that length from the target to n, and puts it on the path.
func (s *search) extend(n *node, length int) bool {
	for e := range n.in.Load().all {
		if s.steps--; s.steps <= 0 {
			return false
		}
		from := e.from.Value()
		if from == nil || (from == s.target) != (length == 1) || s.passes(from) {
			continue
		}
		for _, seen := range *e.sightings.Load() {
			l := link{from: from, to: n, seen: seen}
			if seen.epoch < s.since || slices.ContainsFunc(s.path, l.excludes) {
				continue
			}
			s.path = append(s.path, l)
			if length == 1 || s.extend(from, length-1) {
				return true
			}
			s.path = s.path[:len(s.path)-1]
		}
	}
	return false
}

func (s *search) passes(n *node) bool {
	return slices.ContainsFunc(s.path, func(l link) bool { return l.from == n })
}

// excludes says whether two links are never there at once.
func (l link) excludes(o link) bool {
	return len(intersection(l.seen.gates, o.seen.gates)) > 0 || l.heldIn(o) || o.heldIn(l)
}

// heldIn says whether the lock that l was seen to come from is a gate of o.
func (l link) heldIn(o link) bool {
	_, held := slices.BinarySearch(o.seen.gates, l.seen.from.id)
	return held
}
