//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

type initArg struct {
	File string // where each worker notes that it has begun
	Word string
	Fail string
}

// begun is what Init has left in this worker.
var begun string

var (
	begin = potok.Define("process_test.begin", func(_ context.Context, a initArg) (struct{}, error) {
		switch a.Fail {
		case "error":
			return struct{}{}, fmt.Errorf("no %s: %w", a.Word, io.ErrUnexpectedEOF)
		case "exit":
			os.Exit(5)
		case "hang":
			time.Sleep(time.Hour)
		}
		f, err := os.OpenFile(a.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return struct{}{}, err
		}
		defer f.Close()
		begun += a.Word
		_, err = fmt.Fprintln(f, os.Getpid())
		return struct{}{}, err
	})
	whatBegan = potok.Define("process_test.whatBegan", func(context.Context, int) (string, error) {
		return fmt.Sprintf("%d %s", os.Getpid(), begun), nil
	})
)

func TestInitRunsOnceInEachWorkerBeforeAllCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "begun")
	p := newPool(t, 1, process.Output(io.Discard), process.MaxTasks(1), process.Init(begin, initArg{File: file, Word: "hello"}))
	ctx := within(t)
	var want []string
	for range 5 {
		got, err := whatBegan.Submit(ctx, p, 0).Result(ctx)
		pid, word, _ := strings.Cut(got, " ")
		if err != nil || word != "hello" {
			t.Errorf("%q, %v", got, err)
		}
		want = append(want, pid)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(text))
	if len(got) == 6 {
		got = got[:5] // one more had begun, and had no call
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("begun in %v, calls ran in %v", got, want)
	}
}

func TestWhenWorkersDoNotStartThePoolIsBrokenAndSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		opts  []process.Option
		words []string
		died  bool
	}{
		"a panic": {
			[]process.Option{process.Env(failVar + "=panic")},
			[]string{"exit status 2", "panic: no start today"},
			true,
		},
		"an exit": {
			[]process.Option{process.Env(failVar + "=exit")},
			[]string{"exit status 9", "no configuration"},
			true,
		},
		"a hang": {
			[]process.Option{process.Env(failVar + "=hang"), process.StartTimeout(400 * time.Millisecond)},
			[]string{"not ready after 400ms", "a word before it hangs"},
			false,
		},
		"an error of Init": {
			[]process.Option{process.Init(begin, initArg{Fail: "error", Word: "disk"})},
			[]string{"Init", "no disk: unexpected EOF"},
			false,
		},
		"an exit in Init": {
			[]process.Option{process.Init(begin, initArg{Fail: "exit"})},
			[]string{"Init", "exit status 5"},
			true,
		},
		"a hang in Init": {
			[]process.Option{process.Init(begin, initArg{Fail: "hang"}), process.StartTimeout(500 * time.Millisecond)},
			[]string{"Init", "had not ended after 500ms"},
			true,
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			p := newPool(t, 1, append(test.opts, process.Output(io.Discard), process.Grace(10*time.Millisecond))...)
			defer p.Close()
			ctx := within(t)
			queued := whoAmI.Submit(ctx, p, 0)
			again := whoAmI.With(potok.Retry(3, time.Millisecond, time.Millisecond)).Submit(ctx, p, 0)
			check := func(f *potok.Future[int]) {
				t.Helper()
				_, err := f.Result(ctx)
				if !errors.Is(err, process.ErrPoolBroken) || f.State() != potok.Failed {
					t.Fatalf("%v: %v", f.State(), err)
				}
				for _, word := range append(test.words, "5 times in a row") {
					if !strings.Contains(err.Error(), word) {
						t.Errorf("%q is not in: %v", word, err)
					}
				}
				if _, ok := errors.AsType[*process.WorkerDied](err); ok != test.died {
					t.Errorf("a death: %v, want %v", ok, test.died)
				}
			}
			check(queued)
			check(again)
			check(whoAmI.Submit(ctx, p, 0)) // what comes
			if err := p.Wait(ctx); err != nil {
				t.Error(err)
			}
			if s := p.Stats(); s.Failed != 3 || s.Queued != 0 || s.Running != 0 {
				t.Errorf("%+v", s)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABrokenPoolWakesWhoeverWaitsForRoom(t *testing.T) {
	p := newPool(t, 2, process.Env(failVar+"=panic"), process.Output(io.Discard), process.WithBacklog(0))
	defer p.Close()
	ctx := within(t)
	if _, err := whoAmI.Submit(ctx, p, 0).Result(ctx); !errors.Is(err, process.ErrPoolBroken) {
		t.Errorf("%v", err)
	}
}

func TestWhatTheEnvironmentOrAnArgumentBreaksIsAnError(t *testing.T) {
	p := newPool(t, 1, process.Env("A=\x00"), process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	if _, err := whoAmI.Submit(ctx, p, 0).Result(ctx); !errors.Is(err, process.ErrPoolBroken) || !strings.Contains(err.Error(), "NUL") {
		t.Errorf("%v", err)
	}
}

type hasSecret struct {
	Open   int
	secret int
}

type noResult = struct{}

var (
	beginSecret = potok.Define("process_test.beginSecret", func(context.Context, hasSecret) (noResult, error) { return noResult{}, nil })
	beginBytes  = potok.Define("process_test.beginBytes", func(context.Context, []byte) (noResult, error) { return noResult{}, nil })
)

func TestAnArgumentOfInitThatCannotBeSentIsAnErrorOfNewPool(t *testing.T) {
	for _, test := range []struct {
		opt  process.Option
		word string
	}{
		{process.Init(beginSecret, hasSecret{1, 2}), "secret"},
		{process.Init(beginBytes, make([]byte, process.MaxFrame)), "more than the 16777216"},
	} {
		p, err := process.NewPool(1, test.opt, process.Output(io.Discard))
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.word) || !strings.Contains(err.Error(), "Init") {
			t.Errorf("%v", err)
		}
	}
}

// While starts fail living workers go on; once one succeeds all is well.
func TestAStartThatFailsForAWhileStrandsNoCall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fail")
	p := newPool(t, 2, process.Env(failVar+"=exit", fileVar+"="+file), process.Output(io.Discard), process.Grace(10*time.Millisecond))
	defer p.Close()
	ctx := within(t)
	pidsOf(t, p, 2)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := harm.Submit(ctx, p, "os.Exit(3)").Result(ctx); err == nil {
		t.Error("no error")
	}
	for range 20 { // the other one
		pidOf(t, p)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	var all []*potok.Future[int]
	for range 10 {
		all = append(all, whoAmI.Submit(ctx, p, 0))
	}
	if _, err := potok.Gather(ctx, all...); err != nil {
		t.Error(err)
	}
}

func TestAPoolThatNeverStartedAWorkerCloses(t *testing.T) {
	p := newPool(t, 2, process.Env(failVar+"=hang"), process.Output(io.Discard), process.Grace(10*time.Millisecond))
	ctx := within(t)
	f := whoAmI.Submit(ctx, p, 0)
	begin := time.Now()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
	if _, err := f.Result(ctx); !errors.Is(err, potok.ErrClosed) || f.State() != potok.Cancelled {
		t.Errorf("%v: %v", f.State(), err)
	}
}

func TestNewPoolWithoutMainIsAnErrorBeforeAnythingIsSpawned(t *testing.T) {
	s := play(t, "without Main")
	if line := s.line(); !strings.Contains(line, "Main was not called") {
		t.Errorf("%q", line)
	}
	s.end()
}

func init() {
	scenes["without Main"] = func() {
		p, err := process.NewPool(1, process.Env("NONE=1"))
		fmt.Println(err)
		if p != nil {
			fmt.Println("a pool")
		}
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(-1, &status, 0, nil); !errors.Is(err, syscall.ECHILD) {
			fmt.Println("a child:", err)
		}
	}
}
