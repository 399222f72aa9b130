package potok

import "github.com/potok-go/potok/internal/registry"

// expiring is a list of calls that one goroutine cancels, because their ctx has
// ended or the pool closes. First all of them settle and wake whoever waits, so
// that no callback holds up another call; then the callbacks run. One that waits
// for the pool does not wait for the calls whose callbacks come after it.
type expiring struct {
	calls []*call // to cancel
	ended []ended // to run the callbacks of
}

type ended struct {
	call      *call
	callbacks *waiter
}

// expireAll cancels those of the calls that do not run.
func (p *Pool) expireAll(calls []*call, why *cancelledError) {
	if len(calls) == 0 {
		return
	}
	p.ledger.Carry(nil, func(s *registry.Seat) {
		e, earlier := &expiring{calls: calls}, s.Later
		s.Later = func(yield func(registry.Unit)) {
			if earlier != nil { // a callback of that list has led here
				earlier(yield)
			}
			e.each(yield)
		}
		e.settle(why)
		e.run(s)
	})
}

// each gives the calls that are open in the ledger until this goroutine goes on.
func (e *expiring) each(yield func(registry.Unit)) {
	for _, c := range e.calls {
		if c.unstarted() {
			yield(c)
		}
	}
	for _, end := range e.ended {
		yield(end.call)
	}
}

func (e *expiring) settle(why *cancelledError) {
	returned := true
	defer func() {
		if !returned { // an observer ends this goroutine, but not the list
			e.settle(why)
		}
	}()
	for len(e.calls) > 0 {
		c := e.calls[0]
		e.calls = e.calls[1:]
		returned = false
		callbacks, ok := c.expireSilently(why)
		returned = true
		switch {
		case !ok:
		case callbacks == nil:
			c.leaveUnrun(nil)
		default:
			e.ended = append(e.ended, ended{c, callbacks})
		}
	}
}

func (e *expiring) run(s *registry.Seat) {
	for len(e.ended) > 0 {
		end := e.ended[0]
		func() {
			returned := false
			defer func() {
				e.ended = e.ended[1:]
				end.call.scope.host.Ledger.Leave(1)
				if !returned { // a callback ends this goroutine, but not the list
					e.run(s)
				}
			}()
			runCallbacksLent(s, end.callbacks)
			returned = true
		}()
	}
}
