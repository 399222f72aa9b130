package process_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/potok-go/potok/process"
)

// Variables that change what this program does. Workers get failVar by process.Env.
const (
	failVar  = "POTOK_TEST_FAIL"  // a worker fails to start, in this way
	fileVar  = "POTOK_TEST_FILE"  // with it, it does so only if there is this file
	sceneVar = "POTOK_TEST_SCENE" // another program than the tests, with a pool of its own
)

// scenes are programs that play what a test cannot do to itself.
var scenes = map[string]func(){}

func TestMain(m *testing.M) {
	if file := os.Getenv(fileVar); file == "" || exists(file) {
		failToStart(os.Getenv(failVar))
	}
	scene := os.Getenv(sceneVar)
	if scene != "without Main" {
		process.Main()
	}
	if scene != "" {
		scenes[scene]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func failToStart(how string) {
	switch how {
	case "hang":
		fmt.Fprintln(os.Stderr, "a word before it hangs")
		time.Sleep(time.Hour)
	case "panic":
		panic("no start today")
	case "exit":
		fmt.Fprintln(os.Stderr, "no configuration")
		os.Exit(9)
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// eventually waits for a condition that nobody signals.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(limit) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
