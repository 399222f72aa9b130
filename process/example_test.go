package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

// The cells of the notebook on processes. Those before are beside the root package; TestMain, in main_test.go, begins
// with process.Main, as main does in a program.

var factorial = potok.Define("process_test.factorial", func(_ context.Context, n int64) (*big.Int, error) {
	return new(big.Int).MulRange(1, n), nil
})

// Two factorials in two processes. The notebook's fact stops one factor early and gives those of 99 and 199; and if one
// of its workers is killed, get waits for ever.
func Example_cell11_processPool() {
	ctx := context.Background()
	pool, err := process.NewPool(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	fut1 := factorial.Submit(ctx, pool, 100)
	fut2 := factorial.Submit(ctx, pool, 200)
	for _, fut := range []*potok.Future[*big.Int]{fut1, fut2} {
		fmt.Println(fut.Result(ctx))
	}
	// Output:
	// 93326215443944152681699238856266700490715968264381621468592963895217599993229915608941463976156518286253697920827223758251185210916864000000000000000000000000 <nil>
	// 788657867364790503552363213932185062295135977687173263294742533244359449963403342920304284011984623904177212138919638830257642790242637105061926624952829931113462857270763317237396988943922445621451664240254033291864131227428294853277524242407573903240321257405579568660226031904170324062351700858796178922222789623703897374720000000000000000000000000000000000000000000000000 <nil>
}

var fragile = potok.Define("process_test.fragile", func(_ context.Context, n int64) (*big.Int, error) {
	if n < 0 {
		os.Exit(3) // or a bug in C, too much memory, kill -9
	}
	return new(big.Int).MulRange(1, n), nil
})

// The same through an executor, where one call takes its worker with it. In Python that fails every future and breaks the
// executor for good. Here it fails one call, which says what happened, and another worker takes the place.
func Example_cell12_processExecutor() {
	ctx := context.Background()
	pool, err := process.NewPool(4)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	for fact, err := range fragile.Map(ctx, pool, slices.Values([]int64{5, -1, 10})) {
		if died, ok := errors.AsType[*process.WorkerDied](err); ok {
			fmt.Println("its worker died: exit status", died.ExitCode)
			continue
		}
		fmt.Println(fact, err)
	}
	// Output:
	// 120 <nil>
	// its worker died: exit status 3
	// 3628800 <nil>
}
