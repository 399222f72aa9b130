package mind

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAReportIsReadAsItWasWritten(t *testing.T) {
	for _, fault := range []string{"", "exit status 3", "signal: \"killed\"\n"} {
		want := Spent{Took: time.Second, CPU: time.Millisecond, MaxRSS: 3 << 20, Read: -1, Fault: fault}
		text := fmt.Sprintf(form, want.Took, want.CPU, want.MaxRSS, want.Read, want.Fault)
		if got, err := Read(strings.NewReader(text)); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
	if _, err := Read(strings.NewReader("")); err == nil {
		t.Error("no report is read as one")
	}
}
