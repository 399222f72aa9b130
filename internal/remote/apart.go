package remote

import "github.com/potok-go/potok"

// Apart runs what may be code of the user's on a goroutine of its own, and waits for it: a marshaler may end that, and who
// reads a worker's answers has to go on. Then the error is potok.ErrGoexit.
func Apart(fn func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := potok.ErrGoexit
		defer func() { ended <- err }()
		err = fn()
	}()
	return <-ended
}
