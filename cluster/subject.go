package cluster

import (
	"errors"
	"fmt"
	"strings"
)

// Names on the server. A call waits under its task, so that a worker can ask for those it knows; a result stands under its
// run, so that a client can ask for its own.
//
//	potok.call.<task>.<run>.<message>    in POTOK_CALLS until it is acknowledged; <task> has the priority behind it
//	potok.res.<run>.<message>            in POTOK_RESULTS, for as long as results are kept
//	potok.dead.<run>.<message>           there too: what was put aside, as it came
//	potok.try.<run>.<message>.<n>        there too: a call has begun that another worker had before
//	potok.run.<run>                      there too: when the run began
//	potok.ev.run.<run>                   not stored: what has begun
//	potok.ev.worker                      not stored: who works
//	potok.ctl.run.<run>                  not stored: what is to end
//	potok.ctl.worker.<id>                not stored: somebody listens as long as that worker is connected
//	potok.ctl.who, potok.ctl.task        not stored: workers are to say who they are, and to look for calls of a task
const (
	callsStream   = "POTOK_CALLS"
	resultsStream = "POTOK_RESULTS"
	payloadBucket = "potok"
	bucketStream  = "OBJ_" + payloadBucket

	callPrefix   = "potok.call."
	resultPrefix = "potok.res."
	deadPrefix   = "potok.dead."
	tryPrefix    = "potok.try."
	runPrefix    = "potok.run."
	beganPrefix  = "potok.ev.run."
	workerEvents = "potok.ev.worker"
	endPrefix    = "potok.ctl.run."
	workerPrefix = "potok.ctl.worker."
	whoSubject   = "potok.ctl.who"
	taskSubject  = "potok.ctl.task"
)

// maxName keeps subjects and the names of consumers, which may be files, well below what servers take.
const maxName = 100

var errTaskName = errors.New("potok/cluster: the name of the task is too long")

// taskToken makes a task's name a token of a subject, and the name of its consumer: what is none of a-z, A-Z, 0-9, - and _
// becomes = and two hex digits a byte.
func taskToken(name string) (string, error) {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; isTokenByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	if b.Len() > maxName {
		return "", fmt.Errorf("%w: %.20q…: at most %d characters", errTaskName, name, maxName)
	}
	return b.String(), nil
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// checkRun says whether a run may have this name.
func checkRun(id string) error {
	switch {
	case id == "":
		return errors.New("potok/cluster: a run needs a name")
	case len(id) > maxName:
		return fmt.Errorf("potok/cluster: the run's name is too long: at most %d characters", maxName)
	}
	for i := range len(id) {
		if !isTokenByte(id[i]) {
			return fmt.Errorf("potok/cluster: run %q: a run's name has letters, digits, - and _ only", id)
		}
	}
	return nil
}

// callID is what the subject of a call says.
type callID struct{ run, message string }

// parseCallSubject takes the subject of a call apart.
func parseCallSubject(subject string) (task string, id callID, ok bool) {
	rest, ok := strings.CutPrefix(subject, callPrefix)
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 3 {
		return "", callID{}, false
	}
	return parts[0], callID{parts[1], parts[2]}, true
}
