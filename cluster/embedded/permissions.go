package embedded

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
)

// WorkerInbox is the prefix of the inboxes that a worker's connection must use (nats.CustomInboxPrefix): a worker that could listen on
// the ordinary prefix would read the answers to everybody.
const WorkerInbox = "_INBOX_worker"

// WorkerPermissions returns the subjects that the holder of the WorkerToken may publish to and subscribe to. They are for the administrators
// of other servers too: docs/cluster-permissions.md has them as a piece of nats.conf, and says what they do not keep out.
func WorkerPermissions() (publish, subscribe []string) {
	return []string{
		// Calls: find the consumer, fetch, answer. The server may have its acks with domain and account in front.
		"$JS.API.CONSUMER.INFO.POTOK_CALLS.*",
		"$JS.API.CONSUMER.MSG.NEXT.POTOK_CALLS.*",
		"$JS.ACK.POTOK_CALLS.>",
		"$JS.ACK.*.*.POTOK_CALLS.>",
		// Results, dead letters, events.
		"potok.res.>",
		"potok.dead.>",
		"potok.ev.>",
		// Large payloads: the object store "potok", without deleting.
		"$O.potok.>",
		"$JS.API.STREAM.INFO.OBJ_potok",
		"$JS.API.DIRECT.GET.OBJ_potok.>",
		"$JS.API.CONSUMER.CREATE.OBJ_potok.*.$O.potok.C.*",
		"$JS.API.CONSUMER.DELETE.OBJ_potok.*",
		"$JS.FC.OBJ_potok.>",
		"$JS.FC.*.*.OBJ_potok.>",
	}, []string{
		WorkerInbox + ".>",
		"potok.ctl.>",
	}
}

// tokens lets in who shows one of two tokens. The server's own check knows only one.
type tokens struct {
	full, worker [sha256.Size]byte
	hasWorker    bool
	workers      *server.Permissions
}

func newTokens(o *options) *tokens {
	t := &tokens{full: sha256.Sum256([]byte(*o.token))}
	if o.workerToken != nil {
		t.worker, t.hasWorker = sha256.Sum256([]byte(*o.workerToken)), true
		publish, subscribe := WorkerPermissions()
		t.workers = &server.Permissions{Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe}}
	}
	return t
}

// Check compares digests, so that neither length nor contents can be guessed from the time it takes.
func (t *tokens) Check(c server.ClientAuthentication) bool {
	shown := sha256.Sum256([]byte(c.GetOpts().Token))
	if subtle.ConstantTimeCompare(shown[:], t.full[:]) == 1 {
		c.RegisterUser(&server.User{Username: "potok"})
		return true
	}
	if t.hasWorker && subtle.ConstantTimeCompare(shown[:], t.worker[:]) == 1 {
		c.RegisterUser(&server.User{Username: "potok-worker", Permissions: t.workers})
		return true
	}
	return false
}
