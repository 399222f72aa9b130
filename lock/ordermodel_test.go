package lock_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/potok-go/potok/lock"
)

// occasion is what the model keeps of a Lock: one lock was wanted while others were held.
type occasion struct {
	from, to int
	held     []int // from among them
}

// orderModel knows every occasion on which a lock was wanted, and tries all ways to put them together. Some go-rounds
// on a few locks keep it small.
type orderModel struct{ seen []occasion }

// want notes that to is wanted by whoever holds the locks in held, and says whether a deadlock is possible that it takes
// part in: a circle of occasions in which no two goroutines would hold the same lock.
func (m *orderModel) want(held []int, to int) (deadlock bool) {
	for _, from := range held {
		o := occasion{from, to, slices.Clone(held)}
		m.seen = append(m.seen, o)
		deadlock = deadlock || m.closes(o, []occasion{o})
	}
	return deadlock
}

// closes says whether path, whose last occasion comes from where last does, can be led back to the wanted lock of its first.
func (m *orderModel) closes(last occasion, path []occasion) bool {
	for _, o := range m.seen {
		if o.to != last.from || slices.ContainsFunc(path, o.excludes) {
			continue
		}
		if o.from == path[0].to || len(path) < 5 && m.closes(o, append(path, o)) {
			return true
		}
	}
	return false
}

func (o occasion) excludes(p occasion) bool {
	return slices.ContainsFunc(o.held, func(l int) bool { return slices.Contains(p.held, l) })
}

// The first report comes with the very Lock that makes a deadlock possible, and there is none before.
func TestTheFirstReportComesWhenTheModelSaysSo(t *testing.T) {
	const rounds = 400
	reported := 0
	for seed := range uint64(rounds) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		locks := make([]lock.Mutex, 3+rnd.IntN(4))
		told := new(reports)
		stop := lock.CheckOrder(told.add)
		var m orderModel
		var log []string
		for step := 0; step < 30; step++ {
			if walkLocks(t, rnd, locks, &m, told, &log) {
				reported++
				break
			}
		}
		stop()
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, log)
		}
	}
	if reported < rounds/10 || reported == rounds {
		t.Errorf("%d of %d walks could deadlock: the walks say little", reported, rounds)
	}
}

// walkLocks takes some locks, one in the other, as one goroutine of a program would, and says whether that was reported.
func walkLocks(t *testing.T, rnd *rand.Rand, locks []lock.Mutex, m *orderModel, told *reports, log *[]string) (reported bool) {
	var held []int
	defer func() {
		for _, l := range held {
			locks[l].Unlock()
		}
	}()
	order := rnd.Perm(len(locks))[:1+rnd.IntN(4)%len(locks)]
	if rnd.IntN(10) > 0 {
		slices.Sort(order) // most programs are right
	}
	if rnd.IntN(2) == 0 { // and have a lock around it all
		order = slices.DeleteFunc(order, func(l int) bool { return l == 0 })
		order = slices.Insert(order, 0, 0)
	}
	for _, l := range order {
		if rnd.IntN(8) == 0 {
			*log = append(*log, fmt.Sprintf("%v try %d", held, l))
			if !locks[l].TryLock() {
				t.Fatal("a free lock was not taken")
			}
			held = append(held, l)
			continue
		}
		*log = append(*log, fmt.Sprintf("%v %d", held, l))
		want := m.want(held, l)
		locks[l].Lock()
		held = append(held, l)
		if got := len(told.heads()) > 0; got != want {
			t.Errorf("reported: %t, want %t", got, want)
			return true
		}
		if want {
			return true
		}
		if rnd.IntN(6) == 0 { // not always the last one first
			i := rnd.IntN(len(held))
			locks[held[i]].Unlock()
			held = slices.Delete(held, i, i+1)
		}
	}
	return false
}
