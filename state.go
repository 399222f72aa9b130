package potok

// State is how far a future has come.
type State uint8

// The states of a future. Pending and Running lead to one of the other three,
// which are final.
const (
	Pending   State = iota // not started, or between two attempts
	Running                // its function runs
	Succeeded              // it has a value and no error
	Failed                 // it has an error
	Cancelled              // it was cancelled, by hand, by its ctx or by its executor
)

// String gives the state's name in lower case. It never blocks and is safe for
// concurrent use.
func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Running:
		return "running"
	case Succeeded:
		return "succeeded"
	case Failed:
		return "failed"
	case Cancelled:
		return "cancelled"
	}
	return "unknown"
}

// phase is the state of a call as its atomic word has it. Who may change it:
//
//	pending ──► running     the worker that starts it (CAS)
//	pending ──► settling    whoever cancels, refuses, resolves or rejects it (CAS);
//	                        three phases, so that a Cancel in between knows the
//	                        answer without waiting for it
//	running ──► ending      the worker, when the function has returned
//	ending ──► waiting      the worker, between two attempts
//	ending ──► concluding   the worker, once the call is counted as ended
//	waiting ──► pending     the executor, when the delay is over (CAS)
//	waiting ──► settling    whoever cancels it (CAS)
//	settling ──► final      whoever won the step to settling (a settling call
//	concluding ──► final    never ran or does not run): it alone writes the value
//	                        and the error, before it stores the final state, so
//	                        who has seen a final state may read them
//	running ──► final       the worker, if the call has no extension: there was no
//	                        error, and nobody is to be told but who waits
//	final ──► final|flag    asked: the first who asks for a failed outcome;
//	                        released: the first who drops function and argument;
//	                        refused: the executor did not take it
//	any ──► any|flag        awaited: who waits, or adds a callback; called: who adds
//	                        a callback; left: who gives up waiting; see waiter.go
//	running ──► final|alone the worker, if there is no callback (CAS): the call is in
//	                        no counter until its batch is; see batch.go
//
// Settling and concluding last as long as an observer's Settled. From outside they
// look like what they were before: pending, running.
type phase = uint32

const (
	phasePending phase = iota
	phaseWaiting
	phaseRunning
	phaseEnding
	phaseConcluding
	phaseSettling   // a promise: no code of the user's runs in between
	phaseCancelling // to cancelled
	phaseRefusing   // to failed
	phaseSucceeded
	phaseFailed
	phaseCancelled

	phaseMask phase = 0xff

	phaseAsked    phase = 0x100
	phaseReleased phase = 0x200
	phaseRefused  phase = 0x400
	phaseAwaited  phase = 0x800
	phaseAlone    phase = 0x1000
	phaseCalled   phase = 0x2000
	phaseLeft     phase = 0x4000
)

func stateOf(p phase) State {
	switch p & phaseMask {
	case phaseRunning, phaseEnding, phaseConcluding:
		return Running
	case phaseSucceeded:
		return Succeeded
	case phaseFailed:
		return Failed
	case phaseCancelled:
		return Cancelled
	}
	return Pending
}
