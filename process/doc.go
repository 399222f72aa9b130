// Package process runs calls of Tasks in processes of their own: the only place where a call can be killed, confined and
// survived.
//
//	var Fact = potok.Define("fact", fact) // at package level, where workers find it
//
//	func main() {
//		process.Main() // first: a worker is this program again, and stays here
//		pool, err := process.NewPool(4)
//		…
//		defer pool.Close()
//		v, err := Fact.Submit(ctx, pool, 100).Result(ctx)
//	}
//
// A [Pool] is a potok.Executor, and its words mean what they mean on every other one. What differs: arguments and results
// are copied, as CBOR, and a Task whose types cannot be sent whole is refused; values of the ctx do not cross, its
// deadline and its end do; and nothing is lent, a worker runs one call at a time.
//
// # Deaths
//
// When a worker dies, the call that ran in it fails with a [WorkerDied], which has the exit code or the signal, what it
// wrote to stderr, and why, in a few words. No other call fails; another worker takes its place. Nothing is run again unless
// the Task says so (potok.Retry).
//
// A call that is cancelled or past its deadline is asked to end, and its worker is killed if it has not after the [Grace].
// So Close always returns. No worker outlives its pool, however that ends: each ends when its pipes do, and on Linux the
// system kills it when its parent is gone.
//
// # Blocking
//
// Submit blocks only with [WithBacklog]. NewPool does not wait for workers to start. Workers' stdout and stderr are always
// read; see [Output].
//
// # Goroutines
//
// A Pool has some for each worker, and one for each call that has callbacks, options or an observer while those run. Close
// and Shutdown wait for all of them, but for a Shutdown whose ctx ended, which waits for nothing.
//
// # Systems
//
// Linux is first. On other Unix systems a worker looks itself whether it has passed its [MemoryLimit], every 10 ms, and a
// worker whose parent was killed ends when it sees the end of its pipe, at once unless it is stopped; there a program
// that is replaced while it runs cannot start workers any more: they say so, and calls fail with ErrPoolBroken. On Windows
// workers do not start, as they cannot be given pipes and memory: calls fail with ErrPoolBroken.
package process
