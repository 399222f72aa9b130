package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// openWorkshop is a workshop for a test, which is skipped where there can be none.
func openWorkshop(t *testing.T) *workshop {
	t.Helper()
	if !mind.Can {
		t.Skip("processes cannot be minded here")
	}
	shop := new(workshop)
	t.Cleanup(func() {
		if err := shop.close(); err != nil {
			t.Error(err)
		}
	})
	if err := shop.open(always); err != nil {
		t.Fatal(err)
	}
	return shop
}

func TestMinding(t *testing.T) {
	shop := openWorkshop(t) // once for all
	t.Run("AProgramIsMinded", func(t *testing.T) { testAProgramIsMinded(t, shop) })
	t.Run("AProgramIsEndedWithItsContext", func(t *testing.T) { testAProgramIsEndedWithItsContext(t, shop) })
	t.Run("AServerIsEnded", func(t *testing.T) { testAServerIsEnded(t, shop) })
}

func testAProgramIsMinded(t *testing.T, shop *workshop) {
	var printed bytes.Buffer
	s, _, err := shop.run(always, command{path: "/bin/cat", stdin: strings.NewReader("through"), stdout: &printed})
	if err != nil || printed.String() != "through" {
		t.Fatalf("printed %q, %v", printed.String(), err)
	}
	if s.Took <= 0 || s.MaxRSS <= 0 || s.MaxRSS > 8<<20 {
		t.Errorf("cat spent %+v", s)
	}
	_, said, err := shop.run(always, command{path: "/bin/sh", args: []string{"-c", "echo no room >&2; exit 3"}})
	if err == nil || said != "no room" || !strings.Contains(err.Error(), "exit status 3\nno room") {
		t.Errorf("a program that failed said %q: %v", said, err)
	}
	if _, _, err := shop.run(always, command{path: "/no/such/program"}); err == nil {
		t.Error("a program that is nowhere has run")
	}
}

func testAProgramIsEndedWithItsContext(t *testing.T, shop *workshop) {
	ctx, cancel := context.WithTimeout(always, 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, _, err := shop.run(ctx, command{path: "/bin/sleep", args: []string{"60"}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 30*time.Second {
		t.Errorf("sleeping ended after %v with %v", time.Since(begin), err)
	}
}

func testAServerIsEnded(t *testing.T, shop *workshop) {
	base, server, err := startPageServer(always, shop)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.Get(base + tinyPath + "/p1.html"); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the server says %v, %v", answer, err)
	} else {
		answer.Body.Close()
	}
	if err := server.end(); err != nil {
		t.Error(err)
	}
	if answer, err := http.Get(base + tinyPath + "/p1.html"); err == nil {
		answer.Body.Close()
		t.Error("the server answers after its end")
	}
}
