package potok

import (
	"context"

	"github.com/potok-go/potok/internal/registry"
)

// puller is the goroutine of a Map that pulls its input: all of the user's iterator
// runs there. The consumer, which is the loop's own goroutine, outlives it: he ends
// it and waits for it before the range ends.
type puller struct {
	ctx      context.Context //nolint:containedctx // Map's; the puller does not outlive the range
	run      context.Context //nolint:containedctx // the calls', which ends with the range too
	consumer context.Context //nolint:containedctx // without end, but with the enclosing call, to lend its place
	cancel   context.CancelCauseFunc
	gone     chan struct{} // closed when the puller is

	// Written by the puller, read once gone is closed.
	cut      bool  // the input was told to end
	finished bool  // the input has ended, and not because ctx has
	end      error // why no more was pulled, if it was not the consumer's wish
	panicked *any  // what the input panicked with
}

func newPuller(ctx context.Context) puller {
	p := puller{ctx: ctx, consumer: context.WithoutCancel(ctx), gone: make(chan struct{})}
	p.run, p.cancel = context.WithCancelCause(ctx)
	return p
}

// pull is the goroutine. input runs the user's iterator and says whether it was cut;
// wake tells the consumer that the puller is gone.
func (p *puller) pull(input func() (cut bool), wake func()) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				p.panicked = &v
			} else {
				p.end = ErrGoexit
			}
		}
		close(p.gone)
		wake()
	}()
	if p.cut = input(); !p.cut {
		p.finished = p.ctx.Err() == nil
		if !p.finished { // it may have ended on that account
			p.end = registry.ContextError(p.ctx)
		}
	}
	returned = true
}

// stopped says whether nothing more may be pulled, as the range ends or ctx has.
func (p *puller) stopped() bool {
	if p.run.Err() == nil {
		return false
	}
	// Looked at after run, its child: what ended run is seen here.
	if p.ctx.Err() != nil {
		p.end = registry.ContextError(p.ctx)
	}
	return true
}

// pullerGone says whether what the puller has written may be read.
func (p *puller) pullerGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// stop ends the calls and the puller, and waits for him.
func (p *puller) stop() {
	p.cancel(ErrCancelled)
	_ = Lend(p.consumer, func() error {
		<-p.gone
		return nil
	})
}

// last returns the error that a sequence ends with after all its results; nil: none.
func (p *puller) last() error {
	if p.finished {
		return nil
	}
	return p.end
}

// throw panics with what the input has panicked with: after the good items, or in its
// clean-up after it was told to end.
func (p *puller) throw() {
	if p.panicked != nil {
		panic(*p.panicked)
	}
}
