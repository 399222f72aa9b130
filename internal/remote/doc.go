// Package remote is what executors whose calls run elsewhere have in common: the queue in front of the places, the backlog,
// the pauses between attempts, and what Wait, Shutdown, Close and Stats mean. What differs, how a call is carried to
// where it runs and back, is given to it.
//
// It starts a goroutine for each call in flight, which Close waits for.
package remote
