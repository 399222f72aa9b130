package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Goroutines that wait with and without a context, whose contexts end at any moment, and who only try: whoever says it
// has the lock counts, and nobody waits for ever.
func TestUnderStressOneHasTheLockAndNobodyIsForgotten(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const goroutines, each = 64, 60
		var (
			m   Mutex
			n   int // guarded by m
			had atomic.Int64

			wg, cancels sync.WaitGroup
		)
		// Where time passes only while all sleep, somebody has to sleep, or no lock would ever be handed over.
		bubble := strings.Contains(t.Name(), "bubble")
		use := func() {
			n++
			had.Add(1)
			switch rand.IntN(8) {
			case 0:
				runtime.Gosched()
			case 1:
				if bubble {
					time.Sleep(starving / 3)
				}
			}
			m.Unlock()
		}
		patient, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for range goroutines {
			wg.Go(func() {
				for range each {
					switch rand.IntN(4) {
					case 0:
						m.Lock()
						use()
					case 1:
						if m.TryLock() {
							use()
						}
					case 2:
						if err := m.LockContext(patient); err != nil {
							t.Errorf("%v\n%s", err, stacks())
							return
						}
						use()
					default:
						ctx, cancel := context.WithCancel(patient)
						cancels.Go(func() {
							for range rand.IntN(8) {
								runtime.Gosched()
							}
							cancel()
						})
						if err := m.LockContext(ctx); err == nil {
							use()
						} else if !errors.Is(err, context.Canceled) {
							t.Errorf("%v\n%s", err, stacks())
							return
						}
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { // ends with wg
			wg.Wait()
			close(done)
		}()
		watch := make(chan struct{})
		go func() { // ends with wg
			defer close(watch)
			for {
				m.check(t)
				select {
				case <-done:
					return
				default:
				}
				if bubble {
					time.Sleep(starving / 7)
				} else {
					runtime.Gosched()
				}
			}
		}()
		within(t, done)
		<-watch
		cancels.Wait()
		if int64(n) != had.Load() {
			t.Errorf("counted %d, and %d had the lock", n, had.Load())
		}
		if s := m.state.Load(); s != 0 || m.parked() != 0 {
			t.Errorf("at the end %d wait, and the state is %s", m.parked(), stateText(s))
		}
		m.check(t)
	})
}
