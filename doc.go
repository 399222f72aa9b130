// Package potok is futures for Go, from one goroutine to a cluster: calls that
// are submitted now and answered later, on a pool that bounds how many run at
// once.
//
//	pool := potok.NewPool(8)
//	defer pool.Shutdown(ctx)
//	f := potok.Submit(ctx, pool, func(ctx context.Context) (int, error) { return work(ctx) })
//	v, err := f.Result(ctx)
//
// # The words
//
// A Task is a function with a name, a call is one run of a function, a Future is
// its answer, an Executor is where calls run, a worker is who runs them. They
// mean the same on goroutines (Pool), in processes (package process) and on a
// cluster (package cluster).
//
// # What is promised
//
// Order: one worker starts calls in the order of submission, several about so;
// Map yields in the order of its inputs. Blocking: Submit does not, unless a
// backlog is full; what waits takes a ctx first, and giving up waiting changes
// nothing for the call. Limits: at most as many calls run at once as the pool
// has workers; a call that waits for others lends its place meanwhile, so calls
// may submit to their own pool and wait, however deep. Failure: a panic and a
// Goexit settle their call and nothing else; an error stays the one the function
// returned. Goroutines: a pool's are gone when Shutdown or Close returns, a
// Map's when its range ends. Nothing of yours runs under a lock of ours.
//
// Everything works inside a testing/synctest bubble, where an idle pool is
// durably blocked.
//
// # Locks
//
// In the order in which they may be taken: Pool.mu, then Ledger.mu, then
// Counters.tallyMu. Pool.live and the mutexes of the mappings and of gathering are
// taken alone.
package potok
