package potok_test

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/lock"
	"github.com/potok-go/potok/queue"
	"github.com/potok-go/potok/titles"
)

// The cells of the notebook on threads that this project began with, in its order. Each example does what its cell
// does, and right where that did not.

// Two threads compute a factorial each. In the notebook both print, so their lines may come out mixed. A future is a
// thread that answers: it gives its result back, and one goroutine prints.
func Example_cell02_threads() {
	ctx := context.Background()
	factorial := func(n int64) *potok.Future[*big.Int] {
		return potok.Go(ctx, func(context.Context) (*big.Int, error) {
			return new(big.Int).MulRange(1, n), nil
		})
	}
	thread1, thread2 := factorial(5), factorial(100) // both run now

	for i, thread := range []*potok.Future[*big.Int]{thread1, thread2} {
		result, err := thread.Result(ctx) // join, with what it came to
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("Thread %d: %d\n", i+1, result)
	}
	// Output:
	// Thread 1: 120
	// Thread 2: 93326215443944152681699238856266700490715968264381621468592963895217599993229915608941463976156518286253697920827223758251185210916864000000000000000000000000
}

// A pool of three workers, and a future for each call. The types are checked when it compiles: a future of an int can
// only give an int.
func Example_cell03_future() {
	ctx := context.Background()
	executor := potok.NewPool(3)
	defer executor.Close()

	fact := func(n int) (res int, err error) {
		res = 1
		for i := range n {
			res *= i + 1
		}
		return res, nil
	}
	future1 := potok.Submit(ctx, executor, func(context.Context) (int, error) { return fact(5) })
	future2 := potok.Submit(ctx, executor, func(context.Context) (int, error) { return fact(10) })
	future3 := potok.Submit(ctx, executor, func(context.Context) (int, error) { return 5 + 3, nil })

	for _, f := range []*potok.Future[int]{future3, future1, future2} {
		fmt.Println(f.Result(ctx))
	}
	// Output:
	// 8 <nil>
	// 120 <nil>
	// 3628800 <nil>
}

// The squares of ten thousand numbers. The notebook makes a map object and never computes it. MapSlice is the call for
// a slice that is there already: it returns when all is done, in order, with the first error if there is one.
func Example_cell04_map() {
	ctx := context.Background()
	pool := potok.NewPool(3)
	defer pool.Close()

	it := make([]int, 10_000)
	for x := range it {
		it[x] = x * 10
	}
	squares, err := potok.MapSlice(ctx, pool, it, func(_ context.Context, x int) (int, error) { return x * x, nil })
	fmt.Println(len(squares), squares[:4], squares[9_999], err)
	// Output: 10000 [0 100 400 900] 9998000100 <nil>
}

// The same through the pool's map, as a loop over results. In Python that reads all of its input before it gives the
// first result, so an input without end never gives one. Map pulls an input only when a result is taken: this one ends
// with the loop.
func Example_cell05_mapLazy() {
	ctx := context.Background()
	pool := potok.NewPool(3)
	defer pool.Close()

	pulled := 0
	var it iter.Seq[int] = func(yield func(int) bool) {
		for yield(pulled * 10) {
			pulled++
		}
	}
	for square, err := range potok.Map(ctx, pool, it, func(_ context.Context, x int) (int, error) { return x * x, nil }, potok.Lookahead(8)) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(square)
		if square == 900 {
			break // waits for the calls that run, and for the input to end
		}
	}
	fmt.Println("at most eight inputs too many:", pulled <= 4+8)
	// Output:
	// 0
	// 100
	// 400
	// 900
	// at most eight inputs too many: true
}

// A lock, taken in three ways. To lock and to give it back on every path is what defer is for; With is both, as Python's
// with. And Guarded is the lock and what it guards in one: there is no way to the one without the other.
func Example_cell06_lock() {
	var mutex lock.Mutex
	done := 0
	doSomething := func() {
		mutex.Lock()
		defer mutex.Unlock() // also if it panics
		done++
	}
	doSomething()
	mutex.With(func() { done++ })

	guarded := lock.Guard(done)
	guarded.With(func(done *int) {
		*done++
		fmt.Println(*done)
	})
	// Output: 3
}

// Two functions that take two locks, one in the other. In the notebook both take them in the same order, where nothing
// can happen, and set variables of their own. Here they change what both share, and the second takes the locks the other
// way round, as the lesson means it: run at the same time each may hold the lock that the other waits for, and then both
// wait for ever. CheckOrder says so, though they run one after the other and nobody waits. Its report names the locks
// and shows where each was taken; this is its first line.
func Example_cell07_order() {
	stop := lock.CheckOrder(func(e *lock.OrderError) {
		head, _, _ := strings.Cut(e.Error(), "\n")
		fmt.Println(head)
	})
	defer stop()

	ctx := context.Background()
	executor := potok.NewPool(1)
	defer executor.Close()

	lockA, lockB := lock.Named("lock_a"), lock.Named("lock_b")
	a, b := 0, 0
	funcA := func(context.Context) error {
		lockA.With(func() {
			lockB.With(func() { a, b = 5, 1 })
		})
		return nil
	}
	funcB := func(context.Context) error {
		lockB.With(func() {
			lockA.With(func() { b, a = 2, 1 })
		})
		return nil
	}
	executor.Go(ctx, funcA)
	executor.Go(ctx, funcB)
	if err := executor.Wait(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(a, b)
	// Output:
	// potok/lock: lock order inversion: "lock_b" → "lock_a" → "lock_b"
	// 1 2
}

// A counter under a lock, raised by 100,000 calls. The notebook's cell ends at 99,324 or so, because nobody waits, and
// its queue holds as many work items as there are calls. Here the backlog is bounded, so that Go blocks while it is
// full, and Wait returns when all are done.
func Example_cell08_counter() {
	ctx := context.Background()
	executor := potok.NewPool(3, potok.WithBacklog(1000))
	defer executor.Close()

	a := lock.Guard(1)
	increment := func(ctx context.Context) error {
		return a.WithContext(ctx, func(a *int) { *a++ })
	}
	for range 100_000 {
		executor.Go(ctx, increment)
	}
	if err := executor.Wait(ctx); err != nil {
		fmt.Println(err)
	}
	a.With(func(a *int) { fmt.Println(*a) })
	// Output: 100001
}

// Ten futures, all awaited. Gather waits for them together and has every value in order, or the first error.
func Example_cell09_gather() {
	ctx := context.Background()
	executor := potok.NewPool(3)
	defer executor.Close()

	var mutex lock.Mutex
	acc := 0
	futures := make([]*potok.Future[string], 10)
	for i := range futures {
		futures[i] = potok.Submit(ctx, executor, func(ctx context.Context) (string, error) {
			if err := mutex.LockContext(ctx); err != nil {
				return "", err
			}
			defer mutex.Unlock()
			acc++
			return fmt.Sprint("call ", i), nil
		})
	}
	names, err := potok.Gather(ctx, futures...)
	fmt.Println(acc, names[0], names[9], err)
	// Output: 10 call 0 call 9 <nil>
}

// Three workers read the titles of pages whose addresses come through a queue of two. The notebook hangs for ever when
// its workers die, as nobody takes from the queue any more; loses the titles of a worker that fails; shows other
// charsets as mojibake; has no time-out; and its titles come without addresses. Here every wait has a context, a page
// that fails costs that page only, and closing the queue ends the workers: no None for each of them.
func Example_cell10_titles() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fontanka":
			fmt.Fprint(w, "<!doctype html><title>Fontanka: новости</title>")
		case "/lenta":
			w.Header().Set("Content-Type", "text/html; charset=windows-1251")
			fmt.Fprint(w, "<title>\n Lenta: \xed\xee\xe2\xee\xf1\xf2\xe8 </title>")
		default:
			http.NotFound(w, r)
		}
	}))
	defer site.Close()
	title := func(url string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return "", err
		}
		res, err := site.Client().Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return "", fmt.Errorf("status %d", res.StatusCode)
		}
		text, _, err := titles.Extract(res.Body, res.Header.Get("Content-Type"))
		return text, err
	}

	executor := potok.NewPool(3)
	defer executor.Close()
	paths := queue.New[string](2)
	worker := func(ctx context.Context) (lines []string, err error) {
		for path := range paths.All(ctx) { // until the queue is closed and empty
			text, err := title(site.URL + path)
			if err != nil {
				text = err.Error()
			}
			lines = append(lines, path+": "+text)
		}
		return lines, ctx.Err()
	}
	var futures []*potok.Future[[]string]
	for range 3 {
		futures = append(futures, potok.Submit(ctx, executor, worker))
	}
	for _, path := range []string{"/fontanka", "/lenta", "/gazeta"} {
		if err := paths.Put(ctx, path); err != nil {
			fmt.Println(err)
		}
	}
	paths.Close()

	lines, err := potok.Gather(ctx, futures...)
	if err != nil {
		fmt.Println(err)
	}
	for _, line := range slices.Sorted(slices.Values(slices.Concat(lines...))) {
		fmt.Println(line)
	}
	// Output:
	// /fontanka: Fontanka: новости
	// /gazeta: status 404
	// /lenta: Lenta: новости
}
