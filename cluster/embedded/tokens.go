package embedded

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// workersAccount is the account of who shows the worker token.
const workersAccount = "WORKERS"

// tokens lets in who shows one of two tokens. The server's own check knows only one.
type tokens struct {
	full, worker [sha256.Size]byte
	hasWorker    bool
	permissions  *server.Permissions // of workers

	ready   chan struct{}   // closed when the field below is set, or never will be
	workers *server.Account // nil: none
}

func newTokens(o *options) *tokens {
	t := &tokens{full: sha256.Sum256([]byte(*o.token)), ready: make(chan struct{})}
	if o.workerToken != nil {
		t.worker, t.hasWorker = sha256.Sum256([]byte(*o.workerToken)), true
		publish, subscribe := WorkerPermissions()
		t.permissions = &server.Permissions{Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe}}
	}
	return t
}

// Check compares digests, so that neither length nor contents can be guessed from the time it takes. It may be called as soon as the
// port is open, which is before there is an account for workers.
func (t *tokens) Check(c server.ClientAuthentication) bool {
	shown := sha256.Sum256([]byte(c.GetOpts().Token))
	if subtle.ConstantTimeCompare(shown[:], t.full[:]) == 1 {
		c.RegisterUser(&server.User{Username: "potok"})
		return true
	}
	if !t.hasWorker || subtle.ConstantTimeCompare(shown[:], t.worker[:]) != 1 {
		return false
	}
	<-t.ready
	if t.workers == nil {
		return false
	}
	c.RegisterUser(&server.User{Username: "potok-worker", Permissions: t.permissions, Account: t.workers})
	return true
}

// separate gives workers an account of their own, which shares with the others' only the subjects that they may use. Permissions alone
// would not do: the server does not check the subject that a request names for its answer, and would carry out an answer that is sent to
// $JS.API.STREAM.DELETE. From an account of their own answers come back to that account, whatever subject was named.
//
// It is called once, when the server has started: it enables JetStream by itself only where there are no other accounts.
func (t *tokens) separate(ns *server.Server) error {
	defer close(t.ready)
	if !t.hasWorker {
		return nil
	}
	others := ns.GlobalAccount()
	workers, err := ns.RegisterAccount(workersAccount)
	if err != nil {
		return err
	}
	only := []*server.Account{workers}
	for _, subject := range t.permissions.Publish.Allow {
		answers := server.Singleton
		if strings.Contains(subject, ".MSG.NEXT.") {
			answers = server.Streamed // as many as were asked for
		}
		if err := others.AddServiceExportWithResponse(subject, answers, only); err != nil {
			return fmt.Errorf("share %s with workers: %w", subject, err)
		}
		if err := workers.AddServiceImport(others, subject, subject); err != nil {
			return fmt.Errorf("share %s with workers: %w", subject, err)
		}
	}
	for _, subject := range t.permissions.Subscribe.Allow {
		if err := others.AddStreamExport(subject, only); err != nil {
			return fmt.Errorf("share %s with workers: %w", subject, err)
		}
		if err := workers.AddStreamImport(others, subject, ""); err != nil {
			return fmt.Errorf("share %s with workers: %w", subject, err)
		}
	}
	t.workers = workers
	return nil
}
