// Package echo has a pool give bytes back:
//
//	times, err := echo.On(pool, echo.Payload(10_000), 100)
package echo

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/potok-go/potok"
)

var task = potok.Define("echo/echo", func(_ context.Context, b []byte) ([]byte, error) { return b, nil })

// Payload is n bytes that no compression makes smaller.
func Payload(n int) []byte {
	all := make([]byte, n)
	source := rand.NewChaCha8([32]byte{'p', 'o', 't', 'o', 'k'})
	_, _ = source.Read(all) // it cannot fail
	return all
}

// On sends bytes there and back, n times, one after the other. It returns how many
// nanoseconds each took, without the comparison of what came back.
func On(ex potok.Executor, sent []byte, n int) ([]float64, error) {
	ctx := context.Background()
	took := make([]float64, n)
	for i := range took {
		begin := time.Now()
		got, err := task.Submit(ctx, ex, sent).Result(ctx)
		took[i] = float64(time.Since(begin))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(got, sent) {
			return nil, fmt.Errorf("%d bytes were sent, and %d others came back", len(sent), len(got))
		}
	}
	return took, nil
}
