package faults_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
)

// partVar has the part that this program plays in place of the tests.
const partVar = "POTOK_FAULTS_PART"

// longVar turns on what takes minutes, or root.
const longVar = "POTOK_FAULTS"

// patience bounds every wait outside of bubbles: it is long, as machines are shared.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	if text := os.Getenv(partVar); text != "" {
		var p part
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			panic(err)
		}
		if err := p.play(); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil { // they wait for leases to end, most of the time
		panic(err)
	}
	ats.Register() // the servers' clock ticks outside of all bubbles
	os.Exit(m.Run())
}

// needsTime leaves a test to make faults.
func needsTime(t *testing.T) {
	t.Helper()
	if os.Getenv(longVar) == "" {
		t.Skip("it takes a while: run it with make faults")
	}
}

// eventually waits for a condition that nobody signals.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
