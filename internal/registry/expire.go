package registry

// Expiring is a call that can be cancelled together with others.
type Expiring interface {
	Unit
	// Unstarted says whether the call does not run but may.
	Unstarted() bool
	// Expire cancels the call, for this cause, if it does not run. finish, if not
	// nil, runs its callbacks; after that, or at once, it has left the ledger.
	Expire(cause error) (finish func(*Seat))
}

// ExpireAll cancels those of the calls that do not run, for this cause: their ctx
// has ended, or the executor closes. First all of them settle and wake whoever
// waits, so that no callback holds up another call; then the callbacks run. One
// that waits for the executor does not wait for the calls whose callbacks come
// after it.
func (l *Ledger) ExpireAll(calls []Expiring, cause error) {
	if len(calls) == 0 {
		return
	}
	l.Carry(nil, func(s *Seat) {
		e, earlier := &expiring{calls: calls}, s.Later
		s.Later = func(yield func(Unit)) {
			if earlier != nil { // a callback of that list has led here
				earlier(yield)
			}
			e.each(yield)
		}
		e.settle(cause)
		e.finish(s)
	})
}

// expiring is what is left of a list.
type expiring struct {
	calls []Expiring // to settle
	ended []ended    // to run the callbacks of
}

type ended struct {
	call   Expiring
	finish func(*Seat)
}

// each gives the calls that are open in the ledger until this goroutine goes on.
func (e *expiring) each(yield func(Unit)) {
	for _, c := range e.calls {
		if c.Unstarted() {
			yield(c)
		}
	}
	for _, end := range e.ended {
		yield(end.call)
	}
}

func (e *expiring) settle(cause error) {
	returned := true
	defer func() {
		if !returned { // an observer ends this goroutine, but not the list
			e.settle(cause)
		}
	}()
	for len(e.calls) > 0 {
		c := e.calls[0]
		e.calls = e.calls[1:]
		returned = false
		if finish := c.Expire(cause); finish != nil {
			e.ended = append(e.ended, ended{c, finish})
		}
		returned = true
	}
}

func (e *expiring) finish(s *Seat) {
	returned := true
	defer func() {
		if !returned { // a callback ends this goroutine, but not the list
			e.ended = e.ended[1:]
			e.finish(s)
		}
	}()
	for len(e.ended) > 0 {
		returned = false
		e.ended[0].finish(s)
		returned = true
		e.ended = e.ended[1:] // only now: while it runs, it is open on this goroutine
	}
}
