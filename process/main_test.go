package process_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/potok-go/potok/process"
)

func TestMain(m *testing.M) {
	process.Main()
	goleak.VerifyTestMain(m)
}
