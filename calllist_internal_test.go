package potok

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestACallListIsASet(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 2))
		var l callList
		var live []*call // of the model, in order
		settle := func(i int) {
			live[i].state.Store(phaseSucceeded)
			live = slices.Delete(live, i, i+1)
		}
		for step := range 100 {
			for range r.IntN(150) {
				c := new(call)
				l.push(c)
				live = append(live, c)
			}
			ordered := r.IntN(2) == 0
			for range r.IntN(160) {
				switch {
				case len(live) == 0:
				case ordered:
					settle(0)
				default:
					settle(r.IntN(len(live)))
				}
			}
			end := l.end()
			most := len(live) / 2
			late := r.IntN(70)
			bound := max(most, len(live)) + late
			for range late { // pushed since somebody looked for the end
				c := new(call)
				l.push(c)
				live = append(live, c)
			}
			l.clean(end, most)
			var got []*call
			in := 0
			l.each(func(c *call) {
				in++
				if !c.over() {
					got = append(got, c)
				}
			})
			if !slices.Equal(got, live) {
				t.Fatalf("seed %d, step %d: %d calls are listed, want %d", seed, step, len(got), len(live))
			}
			if in != l.pushed-l.dropped || in > bound {
				t.Fatalf("seed %d, step %d: %d calls are in, by its counts %d, %d live", seed, step, in, l.pushed-l.dropped, len(live))
			}
		}
		for len(live) > 0 {
			settle(0)
		}
		l.clean(l.end(), 0)
		l.each(func(*call) { t.Fatalf("seed %d: a settled call is kept", seed) })
	}
}
