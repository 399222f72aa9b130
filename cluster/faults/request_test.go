package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok/cluster"
)

// While servers choose who leads nobody answers, and nobody remembers that he was asked.
func TestARequestThatNobodyAnswersIsMadeAgain(t *testing.T) {
	for _, request := range []string{"$JS.API.STREAM.INFO.POTOK_RESULTS", "$JS.API.CONSUMER.CREATE.POTOK_RESULTS", "potok.run.asked"} {
		t.Run(request, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				b.client(b.connect(b.cable())) // the streams are there
				near := b.cable()
				nc := b.connect(near)
				if _, err := newJetStream(b, nc).AccountInfo(b.Context()); err != nil { // where answers go to is known
					t.Fatal(err)
				}
				lost := 0
				near.set(func() {
					near.swallow = func(commands string) bool {
						if lost > 0 || !strings.Contains(commands, "PUB "+request) {
							return false
						}
						lost++
						return true
					}
				})
				begin := time.Now()
				b.client(nc, cluster.WithRun("asked"))
				if d := time.Since(begin); d < time.Second || d > 3*time.Second {
					t.Errorf("it took %v", d)
				}
				near.set(func() {
					if lost != 1 {
						t.Errorf("%d requests were lost", lost)
					}
				})
			})
		})
	}
}
