package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNoRun is matched by the error for a run that the server knows nothing of.
var ErrNoRun = errors.New("potok/cluster: there is no such run")

// A RunInfo says how far a run is, as the server knows it. It is a copy.
type RunInfo struct {
	Name  string        // given by WithRun, or made up
	Named bool          // by WithRun: it can be taken up again
	Began time.Time     // zero: not known any more
	Keep  time.Duration // for how long results are kept; 0: not known any more

	// Calls with a result that is stored. Failed are those whose task returned an error, as far as that is seen without reading
	// large results.
	Succeeded, Failed, Cancelled, Dead int
	// Waiting counts messages of calls that wait or run. In a run without a name one may have several calls.
	Waiting int
}

// Runs returns what the server knows of all runs, those that began first before others. It reads all results that are
// stored, so it takes a while where there are many; it blocks until then, or until ctx ends: then the error matches
// ctx.Err(). The connection needs the rights of a client, not those of a worker.
func Runs(ctx context.Context, nc *nats.Conn) ([]RunInfo, error) {
	return findRuns(ctx, nc, "*")
}

// FindRun returns what the server knows of one run. It is Runs otherwise; the error for a run that is not known matches
// ErrNoRun.
func FindRun(ctx context.Context, nc *nats.Conn, run string) (RunInfo, error) {
	if err := checkRun(run); err != nil {
		return RunInfo{}, err
	}
	runs, err := findRuns(ctx, nc, run)
	if err != nil {
		return RunInfo{}, err
	}
	if len(runs) == 0 {
		return RunInfo{}, fmt.Errorf("%w: %s", ErrNoRun, run)
	}
	return runs[0], nil
}

// findRuns counts what is stored of runs, of all for *.
func findRuns(ctx context.Context, nc *nats.Conn, run string) ([]RunInfo, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("potok/cluster: %w", err)
	}
	found := make(map[string]*RunInfo)
	of := func(name string) *RunInfo {
		if found[name] == nil {
			found[name] = &RunInfo{Name: name}
		}
		return found[name]
	}
	waiting, err := subjectsOf(ctx, js, callsStream, callPrefix+"*."+run+".>")
	if err != nil {
		return nil, err
	}
	for _, subject := range waiting {
		if _, id, ok := parseCallSubject(subject); ok {
			of(id.run).Waiting++
		}
	}
	err = readAll(ctx, js, []string{runPrefix + run, resultPrefix + run + ".>"}, func(msg jetstream.Msg) {
		if name, ok := strings.CutPrefix(msg.Subject(), runPrefix); ok {
			of(name).describe(msg.Data())
			return
		}
		name, _, ok := strings.Cut(strings.TrimPrefix(msg.Subject(), resultPrefix), ".")
		if ok {
			of(name).count(msg.Data())
		}
	})
	if err != nil {
		return nil, err
	}
	runs := make([]RunInfo, 0, len(found))
	for _, r := range found {
		runs = append(runs, *r)
	}
	slices.SortFunc(runs, func(a, b RunInfo) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Name, b.Name))
	})
	return runs, nil
}

// describe takes what is stored of the run itself.
func (r *RunInfo) describe(data []byte) {
	var record runRecord
	if json.Unmarshal(data, &record) != nil {
		return // of another version; its results still count
	}
	r.Named, r.Began = record.Named, record.Began
	r.Keep, _ = time.ParseDuration(record.KeepFor)
}

// count takes a result.
func (r *RunInfo) count(data []byte) {
	body, err := parseResult(data)
	switch {
	case err != nil, body.kind == kindDead: // clients take what they cannot read for dead, too
		r.Dead++
	case body.kind == kindCancelled:
		r.Cancelled++
	default:
		failed := 0
		for _, one := range body.results { // none, where they are elsewhere
			if len(one.failure) > 0 {
				failed++
			}
		}
		r.Failed += failed
		r.Succeeded += body.items - failed
	}
}
