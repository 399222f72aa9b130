package cluster_test

import (
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"

	"github.com/potok-go/potok/process"
)

func TestMain(m *testing.M) {
	process.Main()
	ats.Register() // the server's clock ticks outside of all bubbles
	os.Exit(m.Run())
}
