// Package embedded runs a NATS server with JetStream, the engine of the cluster, inside this process.
//
//	srv, err := embedded.Start() // in this process only: no port is open
//	…
//	defer srv.Close()
//	nc, err := srv.Connect()
//
// It starts in about 2 ms and holds about 0.3 MiB while it idles (BenchmarkStart). It is the only package of this module that
// knows the server; whoever uses package cluster with a server that runs elsewhere does not pay for it.
//
// # What is kept
//
// Without [StoreDir] everything is kept in memory and is gone with the server. With it, everything is on disk, as safe as [Durability]
// says. A client that makes streams finds out which of the two it is from JetStream's account information: in Memory mode the limit
// of the account's store is 0 and the server refuses streams on disk; in the others the limit is not 0.
//
//	info, err := js.AccountInfo(ctx)
//	memory := err == nil && info.Limits.MaxStore == 0
//
// The disk is not left to a full one: [Limits] bounds what all streams together may take, and what would go beyond is refused.
//
// # Who may connect
//
// Nobody but this process, unless [Listen] opens a port. An address that others can reach is refused without [TLS] and a [Token]. The
// holder of the [WorkerToken] has the rights of [WorkerPermissions], which suffice to serve calls and to move large payloads through the
// object store "potok", and to do little else: no streams are made, deleted or purged, and nobody's results are read. The inbox prefix of
// its connection must be [WorkerInbox], or it gets no answers, and a pull for calls may wait two minutes. Workers are in an account of
// their own, which costs the server some time for each call; docs/cluster-permissions.md says why, what it does not keep out, and how
// to have the same on a server of one's own.
//
// # Blocking and goroutines
//
// Start returns when clients can connect, and Close when every goroutine of the server has ended. Everything is safe for concurrent use.
//
// # Tests
//
// A server without StoreDir and Listen works in a bubble of testing/synctest, so that redelivery, leases and timeouts can be tested in
// fake time. One goroutine is shared by all servers of a process and would outlive the bubble, the clock service: register it in
// TestMain, for good, with Register of github.com/nats-io/nats-server/v2/server/ats. Close the connections before the bubble ends, too.
package embedded
