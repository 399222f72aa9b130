package cluster_test

import (
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
)

func TestMain(m *testing.M) {
	ats.Register() // the server's clock ticks outside of all bubbles
	os.Exit(m.Run())
}
