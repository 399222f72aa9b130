package embedded

// WorkerInbox is the prefix of the inboxes that a worker's connection must use (nats.CustomInboxPrefix): a worker that could listen on
// the ordinary prefix would read the answers to everybody.
const WorkerInbox = "_INBOX_worker"

// WorkerPermissions returns the subjects that the holder of the WorkerToken may publish to and subscribe to. They are for the administrators
// of other servers too: docs/cluster-permissions.md has them as a piece of nats.conf, and says what they do not keep out.
func WorkerPermissions() (publish, subscribe []string) {
	publish = []string{
		// Calls: find the consumer, fetch, answer. The server may have its acks with domain and account in front.
		"$JS.API.CONSUMER.INFO.POTOK_CALLS.*",
		"$JS.API.CONSUMER.MSG.NEXT.POTOK_CALLS.*",
		"$JS.ACK.POTOK_CALLS.>",
		"$JS.ACK.*.*.POTOK_CALLS.>",
		// Results, dead letters, events.
		"potok.res.>",
		"potok.dead.>",
		"potok.try.>",
		"potok.ev.>",
		// Large payloads: the object store "potok", without deleting.
		"$O.potok.>",
		"$JS.API.STREAM.INFO.OBJ_potok",
		"$JS.API.DIRECT.GET.OBJ_potok",
		"$JS.API.DIRECT.GET.OBJ_potok.>",
	}
	return publish, []string{WorkerInbox + ".>", "potok.ctl.>"}
}
