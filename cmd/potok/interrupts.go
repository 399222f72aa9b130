package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts are the two ways in which a run is told to end.
type interrupts struct {
	soon context.Context //nolint:containedctx // the first Ctrl-C: begin nothing new
	now  context.Context //nolint:containedctx // the second: stop
}

// watchInterrupts turns Ctrl-C and SIGTERM into ended contexts until stop is called, which waits for its goroutine. After the second
// one a third kills the program, as it would have without this. The first is answered in a line that says what is finished first;
// when it can be read, soon has ended and finish, if there is one, has returned. After stop nothing must be left that can block: if there was one signal, a second is ignored from then on, or chance would decide
// whether the program ends with its own exit code.
func watchInterrupts(ctx context.Context, errOut io.Writer, what string, finish func()) (in interrupts, stop func()) {
	now, stopNow := context.WithCancel(ctx)
	soon, stopSoon := context.WithCancel(now)
	signals := make(chan os.Signal, 2) // both may come while nobody listens
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for _, end := range []func(){
			func() {
				stopSoon()
				if finish != nil {
					finish()
				}
				fmt.Fprintf(errOut, "potok: interrupted; finishing the %s that are under way (again to stop now)\n", what)
			},
			func() {
				signal.Stop(signals)
				stopNow()
			},
		} {
			select {
			case <-signals:
				end()
			case <-done:
				return
			}
		}
	})
	return interrupts{soon, now}, func() {
		close(done)
		watcher.Wait()
		if soon.Err() == nil {
			signal.Stop(signals)
		}
		stopNow()
		stopSoon()
	}
}
