package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// processEnds is about what a pool is for: calls and programs that end badly. The
// first two are promises, so that the worst of all rounds counts.
func processEnds() goal {
	const endless, killed, lethal = "endless call", "killed program", "lethal calls"
	late := onSite("an endless call with a deadline, grace 10 ms, 1 worker", []unit{longestLate, longestToNext},
		func(ctx context.Context, s *site) []probe {
			return []probe{s.byLean(ctx, endless, []unit{longestLate, longestToNext}, "endless", noArguments)}
		},
		atMost(endless, longestLate, 10), atMost(endless, longestToNext, 10),
	)
	orphans := onSite("a program is killed, one of its 2 workers computes, one is idle", []unit{longestOutlive},
		func(ctx context.Context, s *site) []probe {
			return []probe{whereKnown(probe{killed, func(round) (sample, error) { return killParent(ctx, s.shop) }})}
		},
		atMost(killed, longestOutlive, 30),
	)
	deaths := onSite("10,000 calls that end their worker, 2 workers: until all are answered", []unit{wholeSeconds},
		func(ctx context.Context, s *site) []probe {
			return []probe{s.byLean(ctx, lethal, []unit{wholeSeconds}, "lethal", operations(10_000))}
		},
		atMost(lethal, wholeSeconds, 30),
	)
	deaths.once = true
	return goal{
		name: "P8", text: "process: an endless call; a killed program; 10,000 lethal calls",
		workloads: []workload{late, orphans, deaths},
	}
}

// killParent kills a program that has workers, and says how many milliseconds they
// outlive it. They are no children of ours, so it looks into /proc.
func killParent(ctx context.Context, shop *workshop) (sample, error) {
	if err := shop.openLean(ctx); err != nil {
		return nil, err
	}
	// Without a minder, whose child it would be: it is killed in any case.
	parent := exec.CommandContext(ctx, shop.lean, "parent")
	parent.Env = environment()
	said, err := parent.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := parent.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	dead := func(pid string) bool { return !alive(pid) }
	if err == nil && slices.ContainsFunc(strings.Fields(line), dead) {
		err = errors.New("a worker was gone before it was killed")
	}
	begin := time.Now()
	killed := parent.Process.Kill()
	outlived, missing := waitGone(strings.Fields(line), begin)
	_ = parent.Wait() // it was killed, which is an error
	for _, err := range []error{err, killed, missing} {
		if err != nil {
			return nil, fmt.Errorf("the parent said %q: %w", line, err)
		}
	}
	return sample{longestOutlive: outlived}, nil
}

// waitGone waits until none of the processes lives and says how many milliseconds
// after begin that was.
func waitGone(pids []string, begin time.Time) (float64, error) {
	const pause, patience = 200 * time.Microsecond, 10 * time.Second
	for _, pid := range pids {
		for alive(pid) {
			if time.Since(begin) > patience {
				return 0, fmt.Errorf("process %s lives on", pid)
			}
			time.Sleep(pause)
		}
	}
	if len(pids) != processes {
		return 0, fmt.Errorf("it has %d workers", len(pids))
	}
	return time.Since(begin).Seconds() * 1e3, nil
}

// alive says whether a process is there, and not only its exit code, for who has
// become its parent.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
