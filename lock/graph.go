package lock

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"
)

// The graph of orders. A node is a lock, or all locks of one name; an edge from A to B says that somebody wanted B while
// he held A. Where two locks of one name meet, their order is that of the two themselves: such an edge leads from the
// node of the one lock to that of the other, and the name's own node has no edge to itself.
//
// An edge is kept by the node it leads to, and knows the one it comes from by a weak pointer. So a lock that nobody has
// any more takes its edges with it, and those that came from it are swept after each collection of garbage. What is dead
// cannot be locked, so no deadlock is lost.
//
// Looking up an edge that is known takes no lock. All else happens under graph.mu.
var graph orderGraph

type orderGraph struct {
	mu       sync.Mutex // guards the fields below and the making of nodes and edges; never held while blocking
	watchers []*watcher
	nodes    []weak.Pointer[node]          // those that edges lead to
	classes  map[string]weak.Pointer[node] // by name
	recent   [1024]*node                   // classes that live on without a lock of theirs, so that those of few names always do
	at       int                           // where in recent the next one goes
	sweeps   bool                          // collected will be called

	// epoch is how often checking has begun. What was seen in an earlier epoch is seen anew in this one, as whoever has
	// just begun to watch has not seen it. Written under mu.
	epoch atomic.Uint64

	lastID atomic.Uint64
}

// watchLocked lets w watch from now on.
func (g *orderGraph) watchLocked(w *watcher) {
	w.since = g.epoch.Add(1)
	g.watchers = append(g.watchers, w)
	unlocked.Store(nothing)
	if !g.sweeps {
		g.sweepLocked()
	}
}

// unwatchLocked is the end of it. With the last watcher all edges go.
func (g *orderGraph) unwatchLocked(w *watcher) {
	g.watchers = slices.DeleteFunc(g.watchers, func(o *watcher) bool { return o == w })
	if len(g.watchers) > 0 {
		return
	}
	unlocked.Store(0)
	for _, p := range g.nodes {
		if n := p.Value(); n != nil {
			n.in.Store(nil)
		}
	}
	g.nodes = nil
}

// oldestLocked is the epoch in which the oldest watcher began.
func (g *orderGraph) oldestLocked() uint64 {
	oldest := g.epoch.Load()
	for _, w := range g.watchers {
		oldest = min(oldest, w.since)
	}
	return oldest
}

// sweepLocked drops what is dead, now and after each collection of garbage: it leaves something to be collected.
func (g *orderGraph) sweepLocked() {
	g.nodes = slices.DeleteFunc(g.nodes, func(p weak.Pointer[node]) bool {
		n := p.Value()
		if n == nil {
			return true
		}
		n.in.Store(n.in.Load().swept())
		return false
	})
	maps.DeleteFunc(g.classes, func(_ string, p weak.Pointer[node]) bool { return p.Value() == nil })
	g.sweeps = true
	runtime.AddCleanup(new([4]uintptr), (*orderGraph).collected, g)
}

// collected is called by the runtime, on a goroutine of its own.
func (g *orderGraph) collected() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sweeps = len(g.watchers) > 0; g.sweeps {
		g.sweepLocked()
	}
}

// An identity is by what a lock is known in reports.
type identity struct {
	id    uint64
	name  string
	first []uintptr // where it was first locked under check; nil of a class
}

// A node is a lock, or a class of locks.
type node struct {
	identity
	class *node                 // what its edges lead to and from, except within a class: itself, unless it has a name
	in    atomic.Pointer[edges] // nil if there are none
	out   int                   // of graph.mu: how many edges from it were ever made
}

// nodeOf returns the node of the lock, and makes it if this is the first time that anybody locks it under check.
func nodeOf(x *extra) *node {
	if n := x.node.Load(); n != nil {
		return n
	}
	var first stack
	first.record()
	n := newNode(identity{name: x.name, first: first.addresses()})
	graph.mu.Lock()
	defer graph.mu.Unlock()
	if made := x.node.Load(); made != nil {
		return made
	}
	if x.name != "" {
		n.class = classLocked(x.name)
	}
	x.node.Store(n)
	return n
}

func newNode(who identity) *node {
	who.id = graph.lastID.Add(1)
	n := &node{identity: who}
	n.class = n
	return n
}

// classLocked returns the node of all locks of a name.
func classLocked(name string) *node {
	if n := graph.classes[name].Value(); n != nil {
		return n
	}
	if graph.classes == nil {
		graph.classes = make(map[string]weak.Pointer[node])
	}
	n := newNode(identity{name: name})
	graph.classes[name] = weak.Make(n)
	graph.recent[graph.at] = n
	graph.at = (graph.at + 1) % len(graph.recent)
	return n
}

// ends returns the nodes between which the order of two different locks is an edge.
func ends(from, to *node) (f, t *node) {
	if from.class == to.class {
		return from, to
	}
	return from.class, to.class
}

// An edge is the order of two nodes. from and fromID do not change.
type edge struct {
	from      weak.Pointer[node]
	fromID    uint64
	sightings atomic.Pointer[[]*sighting] // at least one; the slice is not changed but replaced
}

// A sighting is an occasion on which somebody wanted one lock while he held the other. It does not change.
type sighting struct {
	epoch uint64
	gates []uint64 // the ids of the other locks that he held, in order
	from  heldLock
	to    heldLock // or rather wanted
}

// maxSightings is how many of an edge are kept. They differ in their gates, so more are hardly ever needed.
const maxSightings = 8

// knows says whether the order of from before to has been noted in this epoch, with no other gates than locks among own.
func knows(from, to *node, own []*hold) bool {
	e := to.in.Load().find(from.id)
	if e == nil {
		return false
	}
	epoch := graph.epoch.Load()
	for _, s := range *e.sightings.Load() {
		if s.epoch == epoch && s.gatedBy(own) {
			return true
		}
	}
	return false
}

// gatedBy says whether all gates of s are among own.
func (s *sighting) gatedBy(own []*hold) bool {
	for _, gate := range s.gates {
		if !slices.ContainsFunc(own, func(h *hold) bool { return h.lock.node.Load().id == gate }) {
			return false
		}
	}
	return true
}

// addLocked notes a sighting of the order of from before to.
func addLocked(from, to *node, s *sighting) {
	in := to.in.Load()
	e := in.find(from.id)
	if e != nil {
		kept := withSighting(*e.sightings.Load(), s)
		e.sightings.Store(&kept)
		return
	}
	e = &edge{from: weak.Make(from), fromID: from.id}
	e.sightings.Store(&[]*sighting{s})
	if in == nil {
		graph.nodes = append(graph.nodes, weak.Make(to))
	}
	from.out++
	to.in.Store(in.with(e))
}

// withSighting returns a copy of all, which is not changed, with s. What is older than the oldest watcher is left out,
// and what says less than s: one with the same gates and more. Where there are too many, the last makes room if s has
// not all the gates that all others have in common; otherwise s says nothing new that matters.
func withSighting(all []*sighting, s *sighting) []*sighting {
	oldest := graph.oldestLocked()
	kept := make([]*sighting, 0, len(all)+1)
	for _, o := range all {
		if o.epoch >= oldest && !(o.epoch <= s.epoch && includes(o.gates, s.gates)) {
			kept = append(kept, o)
		}
	}
	if len(kept) < maxSightings {
		return append(kept, s)
	}
	common := kept[0].gates
	for _, o := range kept[1:] {
		common = intersection(common, o.gates)
	}
	if !includes(s.gates, common) {
		kept[len(kept)-1] = s
	}
	return kept
}

// includes says whether all of sub, which is in order, is in set, which is too.
func includes(set, sub []uint64) bool {
	return len(intersection(set, sub)) == len(sub)
}

func intersection(a, b []uint64) (both []uint64) {
	for _, id := range a {
		if _, ok := slices.BinarySearch(b, id); ok {
			both = append(both, id)
		}
	}
	return both
}
