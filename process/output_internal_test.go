//go:build unix

package process

import (
	"os"
	"strings"
	"testing"
)

func TestALongLineIsCutAndNothingOfItIsLost(t *testing.T) {
	var out strings.Builder
	o, stdout, stderr, err := newOutput(&printer{turn: make(chan struct{}, 1), to: &out}, "long")
	if err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	o.begin(1)
	var line strings.Builder
	for i := range 300_000 {
		line.WriteByte(byte('a' + i%26))
	}
	if _, err := stderr.WriteString(line.String() + "\nshort\nno end"); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	o.drained.Wait()
	lines := strings.SplitAfter(out.String(), "\n")
	var got strings.Builder
	for _, l := range lines[:len(lines)-3] {
		got.WriteString(strings.TrimSuffix(strings.TrimPrefix(l, "[long 1] "), "\n"))
	}
	if got.String() != line.String() || len(lines) < 6 {
		t.Errorf("%d bytes in %d lines, want %d bytes", got.Len(), len(lines)-1, line.Len())
	}
	if end := strings.Join(lines[len(lines)-3:], ""); end != "[long 1] short\n[long 1] no end\n" {
		t.Errorf("%q", end)
	}
}

func TestTheCauseOfADeathIsWhatGoWroteAsItDied(t *testing.T) {
	const earlier = "panic: that somebody survived and logged\nfatal error: out of memory, says a log\n"
	for name, test := range map[string]struct {
		stderr string
		code   int
		signal os.Signal
		want   string
	}{
		"killed after words":  {earlier, -1, os.Kill, ""},
		"exit after words":    {earlier, 7, nil, ""},
		"panic after words":   {earlier + "panic: ouch\n\ngoroutine 1 [running]:\nmain.main()\n", 2, nil, "panic: ouch"},
		"a panic with a tail": {"panic: first\n\tpanic: second\n\ngoroutine 1 [running]:\n", 2, nil, "panic: first"},
		"memory":              {"fatal error: runtime: out of memory\n\nruntime stack:\n", 2, nil, causeMemory},
		"no memory":           {"runtime: cannot allocate memory\nfatal error: out of memory\n", 2, nil, causeMemory},
		"a log of memory":     {"cannot allocate memory, says a log\npanic: ouch\n", 2, nil, "panic: ouch"},
	} {
		if got := causeOf(test.stderr, test.code, test.signal, true); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
