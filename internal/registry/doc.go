// Package registry is what the executors of potok share and users never see:
// the tasks a worker may run, by name; the errors that keep their identity on
// a wire, by code; the view an executor has of one call; and the ledger that
// gives Wait, Shutdown and Close the same meaning on every executor.
//
//	calls in ──► Ledger.Enter ──► queue ──► Call.Start ──► … ──► Call.Settle ──► Ledger.Leave
//
// It imports nothing of ours, so that root, process and cluster all can import it.
package registry
