package resident

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestSizesOfThisProcess(t *testing.T) {
	if !Known() {
		t.Skip("this system does not tell")
	}
	peak, err := Peak(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	all, private, err := Now(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const least = 1 << 20 // no program in Go has less
	if private < least || all < private || peak < least {
		t.Errorf("peak %d, all %d, private %d", peak, all, private)
	}
}

func TestAProcessThatIsNotThere(t *testing.T) {
	if _, err := Peak(-1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("peak: %v", err)
	}
	if _, _, err := Now(-1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("now: %v", err)
	}
}
