package embedded_test

import (
	"testing"
	"time"
)

// A server does not check the subject that a request names for its answer. So whoever may ask could make the server send something
// anywhere, to its own API too.
func TestAnswersDoNotActForAWorker(t *testing.T) {
	const purge, drop, forge = "$JS.API.STREAM.PURGE.POTOK_RESULTS", "$JS.API.STREAM.DELETE.POTOK_RESULTS", "potok.ctl.forged"
	next := []byte(`{"batch":1,"no_wait":true}`)
	for _, request := range []struct {
		subject string
		body    []byte
	}{
		{"$JS.API.CONSUMER.MSG.NEXT.POTOK_CALLS.workers", next}, // answered with an empty message: no more is needed
		{"$JS.API.DIRECT.GET.OBJ_potok.$O.potok.C.chosen", nil}, // answered with what the worker has stored
		{"$JS.API.CONSUMER.INFO.POTOK_CALLS.workers", nil},
		{"$JS.API.STREAM.INFO.OBJ_potok", nil},
		{"$O.potok.C.chosen", []byte("{}")},
		{"potok.res.chosen", []byte("{}")},
	} {
		for _, target := range []string{purge, drop, forge} {
			t.Run(request.subject+" to "+target, func(t *testing.T) {
				r, ctx := newRights(t), timeLimit(t)
				if _, err := r.fullJS.Publish(ctx, "potok.res.run.1", nil); err != nil {
					t.Fatal(err)
				}
				if _, err := r.workerJS.Publish(ctx, "$O.potok.C.chosen", []byte("{}")); err != nil {
					t.Fatal(err)
				}
				forged, err := r.full.SubscribeSync("potok.ctl.>")
				if err != nil {
					t.Fatal(err)
				}
				if err := r.full.FlushTimeout(patience); err != nil {
					t.Fatal(err)
				}
				if err := r.worker.PublishRequest(request.subject, target, request.body); err != nil {
					t.Fatal(err)
				}
				// The same once more, honestly: its answer comes after the other.
				if _, err := r.worker.Request(request.subject, request.body, patience); err != nil {
					t.Fatal(err)
				}
				if msg, err := forged.NextMsg(50 * time.Millisecond); err == nil {
					t.Errorf("the server published %q for the worker", msg.Data)
				}
				results, err := r.fullJS.Stream(ctx, "POTOK_RESULTS")
				if err != nil {
					t.Fatal(err)
				}
				if info, err := results.Info(ctx); err != nil || info.State.Msgs == 0 {
					t.Errorf("results %+v, %v; want what there was", info, err)
				}
			})
		}
	}
}
