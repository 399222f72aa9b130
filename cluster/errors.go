package cluster

import (
	"errors"

	"github.com/potok-go/potok"
)

var (
	// ErrDead is matched by the error of a call that was given up: each of the workers that it was given to was not heard of
	// any more, as MaxAttempts says, or it made no sense to one. It is not tried again, and stands among the run's dead
	// letters.
	ErrDead = errors.New("potok/cluster: the call was given up")

	// ErrExpired is matched by Connect's error for a run whose results may be past their time, see Keep.
	ErrExpired = errors.New("potok/cluster: results of the run are past their time")
)

func init() {
	potok.RegisterError("potok/cluster.ErrDead", ErrDead)
}
