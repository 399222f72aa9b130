package process

import (
	"fmt"
	"os"
	"sync/atomic"
)

// guard is the variable that makes a process a worker, together with pipes as its files 3 and 4. Its value is what the pool
// wants of it.
const guard = "POTOK_WORKER"

var (
	mainCalled atomic.Bool
	program    int64 // which program this is, as far as its file tells: see identity
)

// Main makes this program able to have workers: they are this program again, and Main is where they stay. It is the first
// statement of main, and of TestMain in a package whose tests have a Pool:
//
//	func main() {
//		process.Main()
//		…
//	}
//
// In a worker it serves calls, and does not return. In any other process it returns at once. What a Task needs has to be
// there before: tasks are defined at package level. It is not for concurrent use.
func Main() {
	mainCalled.Store(true)
	program = identity()
	wish, asked := os.LookupEnv(guard)
	if !asked {
		return
	}
	// At once, so that a task that runs this program gets the plain program.
	if err := os.Unsetenv(guard); err != nil {
		fatal(err)
	}
	w, ok := parseWish(wish)
	if !ok || !isPipe(callsFD) || !isPipe(answersFD) {
		return
	}
	serve(w)
}

// init keeps what a worker's other packages start, in an init of theirs, from having its files: their init comes later.
func init() {
	if _, asked := os.LookupEnv(guard); asked && isPipe(callsFD) && isPipe(answersFD) {
		for _, fd := range []int{callsFD, answersFD, memoryFD} {
			closeOnExec(fd)
		}
	}
}

// The files of a worker, as exec.Cmd numbers ExtraFiles.
const (
	callsFD   = 3
	answersFD = 4
	memoryFD  = 5 // what both see, see ring.go
)

// A wish is what a pool wants of its workers.
type wish struct {
	processors int
	memory     int64 // bytes; 0: no limit
	program    int64 // which it must be; 0: it cannot be another
}

func (w wish) String() string {
	return fmt.Sprint(w.processors, w.memory, w.program)
}

func parseWish(s string) (w wish, ok bool) {
	n, err := fmt.Sscan(s, &w.processors, &w.memory, &w.program)
	return w, n == 3 && err == nil && w.processors > 0 && w.memory >= 0
}
