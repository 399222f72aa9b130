// Package remote is what executors whose calls run elsewhere have in common: the queue, which worker gets which call, the
// backlog, the pauses between attempts, and what Wait, Shutdown, Close and Stats mean. What differs, how a call is carried to
// a worker and back, is given to it as a Carrier.
//
// It starts goroutines for calls that need a Start, for callbacks, and with an observer for the ends of calls, which Close
// waits for.
package remote
