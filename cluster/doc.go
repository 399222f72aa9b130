// Package cluster runs the calls of Tasks on other machines, or in other processes of this one, through a NATS server with
// JetStream.
//
//	client, err := cluster.Connect(ctx, nc)              // where calls are made
//	title, err := fetch.Submit(ctx, client, url).Result(ctx)
//
//	err = cluster.Serve(ctx, nc, potok.NewPool(8))       // where they run
//
// A Client is an Executor as any other, and what runs a worker's calls is one too: a Pool, or processes. The connection is
// the caller's: to a server somewhere, or to one in this process, see package embedded.
//
// What it promises: at-least-once execution; exactly one recorded result per call while results are kept; an accepted call
// survives the kill of any process; power loss costs at most the last second in Fast and nothing accepted in Strict; disk
// corruption is not covered. Fast and Strict are the modes of package embedded; another server has to be set up so, with
// sync_interval in its jetstream block: its default of two minutes is what a power cut may cost.
//
// A call is accepted when the server has stored it, which takes some tenths of a millisecond: what is submitted before the
// client dies may be lost with it. Names make up for that: a run that has one, see WithRun, is gone on with by the same
// program started again.
//
// Beside what differs on processes, where arguments are copied and values of a ctx do not cross: a cancelled call may still
// run, though nobody hears of its answer; that a call has begun is known a little later than it has; and calls of different
// tasks start in no order, on one worker too.
//
// Workers take calls of the tasks that they know. What no worker knows waits, and the client says so in the log. A message
// that makes no sense, to a worker or to a client, is put aside as a dead letter with a word in the log, and stops nobody.
//
// docs/protocol-cluster.md has what is sent, and why. All goroutines end with Close and Serve, and with the connection.
package cluster
