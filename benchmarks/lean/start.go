package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/potok-go/potok/benchmarks/internal/crew"
	"github.com/potok-go/potok/process"
)

// printMedian prints the median time of n starts.
func printMedian(n int, start func(context.Context) (time.Duration, error)) error {
	times := make([]time.Duration, n)
	for i := range times {
		var err error
		if times[i], err = start(context.Background()); err != nil {
			return err
		}
	}
	slices.Sort(times)
	_, err := fmt.Println(times[n/2].Nanoseconds())
	return err
}

func startPool(ctx context.Context) (took time.Duration, err error) {
	begin := time.Now()
	pool, err := process.NewPool(1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	two, err := crew.Next.Submit(ctx, pool, 1).Result(ctx)
	took = time.Since(begin)
	if err == nil && two != 2 {
		err = fmt.Errorf("after 1 comes %d", two)
	}
	return took, err
}

// byteAnswer is what the program started without a pool answers.
const byteAnswer = "."

func answerByte() error {
	_, err := os.Stdout.WriteString(byteAnswer)
	return err
}

// startBare does what a pool cannot do without: a process of this program, and a
// pipe on which it answers.
func startBare(ctx context.Context) (took time.Duration, err error) {
	begin := time.Now()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, self, "byte")
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	err = cmd.Start()
	w.Close() // the process has the other one
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cmd.Wait()) }()
	got := make([]byte, len(byteAnswer))
	if _, err := io.ReadFull(r, got); err != nil {
		return 0, err
	}
	took = time.Since(begin)
	if string(got) != byteAnswer {
		err = fmt.Errorf("it answered %q", got)
	}
	return took, err
}
