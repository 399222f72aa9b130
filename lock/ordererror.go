package lock

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An OrderError tells how locks were taken in a way that can deadlock: see CheckOrder. Its text is of several lines. The
// first names what is wrong and the locks, by name or by where each was first locked while orders were checked; the others
// show, for each order, where the one lock was taken and where the other was wanted.
//
// It is not changed after it was made, and safe for concurrent use.
type OrderError struct {
	cycle []link    // of an inversion
	twice *sighting // of a recursion: the same lock
	hang  *hang     // of a wait
}

// A hang is a wait that takes too long.
type hang struct {
	waits  *heldLock // what is waited for, and where
	waited time.Duration
	holder *heldLock // nil if it is not known
	next   *heldLock // what the holder waits for; nil if it does not, or is not known
}

// Error describes it, in several lines.
func (e *OrderError) Error() string {
	var b strings.Builder
	b.WriteString("potok/lock: ")
	switch {
	case e.hang != nil:
		e.hang.write(&b)
	case e.twice != nil:
		lock := e.twice.to.label()
		fmt.Fprintf(&b, "goroutine %d locks %s twice, and so waits for itself\n", e.twice.to.goroutine, lock)
		e.twice.write(&b, lock, "it again")
	default:
		e.writeCycle(&b)
	}
	if strings.Contains(b.String(), unnamed) {
		b.WriteString("(a lock without a name is called by where it was first locked; see lock.Named)\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unnamed begins what a lock without a name is called.
const unnamed = "lock@"

func (e *OrderError) writeCycle(b *strings.Builder) {
	names := new(names)
	for _, l := range e.cycle {
		names.add(l.from.identity)
	}
	b.WriteString("lock order inversion: ")
	for _, l := range e.cycle {
		b.WriteString(names.of(l.from.identity) + " → ")
	}
	b.WriteString(names.of(e.cycle[0].from.identity) + "\n")
	for _, l := range e.cycle {
		from, to := names.of(l.from.identity), names.of(l.to.identity)
		fmt.Fprintf(b, "%s → %s:\n", from, to)
		l.seen.write(b, from, to)
	}
}

func (s *sighting) write(b *strings.Builder, from, to string) {
	fmt.Fprintf(b, "  goroutine %d locked %s at\n", s.from.goroutine, from)
	writeStack(b, s.from.at)
	fmt.Fprintf(b, "  and then wanted %s at\n", to)
	writeStack(b, s.to.at)
}

func (h *hang) write(b *strings.Builder) {
	names := newNames(h.waits.identity)
	if h.next != nil {
		names.add(h.next.identity)
	}
	lock := names.of(h.waits.identity)
	fmt.Fprintf(b, "goroutine %d has waited %v for %s", h.waits.goroutine, h.waited, lock)
	if h.holder == nil {
		fmt.Fprint(b, ", which was locked before orders were checked\n")
	} else {
		fmt.Fprintf(b, ", which goroutine %d holds\n", h.holder.goroutine)
	}
	fmt.Fprintf(b, "  goroutine %d waits at\n", h.waits.goroutine)
	writeStack(b, h.waits.at)
	if h.holder == nil {
		return
	}
	fmt.Fprintf(b, "  goroutine %d locked %s at\n", h.holder.goroutine, lock)
	writeStack(b, h.holder.at)
	if h.next != nil {
		fmt.Fprintf(b, "  and waits for %s at\n", names.of(h.next.identity))
		writeStack(b, h.next.at)
	}
}

func writeStack(b *strings.Builder, pcs []uintptr) {
	frames := framesOf(pcs)
	if len(frames) == 0 {
		b.WriteString("    an unknown place\n")
	}
	for _, f := range frames {
		fmt.Fprintf(b, "    %s\n        %s:%d\n", f.Function, f.File, f.Line)
	}
}

// names are what the locks of one report are called in it: by name, or by where they were first locked, and with a
// number where that is the same for several.
type names struct {
	ids    []uint64
	labels []string
}

func newNames(locks ...identity) *names {
	n := new(names)
	for _, l := range locks {
		n.add(l)
	}
	return n
}

func (n *names) add(l identity) {
	if !slices.Contains(n.ids, l.id) {
		n.ids = append(n.ids, l.id)
		n.labels = append(n.labels, l.label())
	}
}

// of returns what l is called, which was added.
func (n *names) of(l identity) string {
	at := slices.Index(n.ids, l.id)
	label, number, same := n.labels[at], 0, 0
	for i, o := range n.labels {
		if o == label {
			same++
			if i <= at {
				number++
			}
		}
	}
	if same > 1 {
		return fmt.Sprintf("%s#%d", label, number)
	}
	return label
}

func (l identity) label() string {
	if l.name != "" {
		return strconv.Quote(l.name)
	}
	return unnamed + siteOf(l.first)
}

// keys are what makes two reports the same, whoever was first and on whatever goroutines: the same circle of locks, or
// the same words about others. A wait is always its own.
func (e *OrderError) keys() []string {
	switch {
	case e.hang != nil:
		return nil
	case e.twice != nil:
		return []string{"twice " + e.twice.key()}
	}
	locks, words := make([]string, len(e.cycle)), make([]string, len(e.cycle))
	for i, l := range e.cycle {
		locks[i] = strconv.FormatUint(l.from.id, 36)
		words[i] = l.seen.key()
	}
	return []string{"locks " + circle(locks), "words " + circle(words)}
}

func (s *sighting) key() string {
	return fmt.Sprint(s.from.label(), s.from.at, s.to.label(), s.to.at)
}

// circle joins parts from the least on, and around.
func circle(parts []string) string {
	least := slices.Index(parts, slices.Min(parts))
	return strings.Join(slices.Concat(parts[least:], parts[:least]), " ")
}
