package progress

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal makes a pseudo-terminal: what is written to out can be read from screen.
func terminal(t *testing.T) (screen, out *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { screen.Close() })
	var unlock, number int32
	control(t, screen, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	control(t, screen, syscall.TIOCGPTN, unsafe.Pointer(&number))
	out, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { out.Close() })
	return screen, out
}

func control(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg))
	})
	if err != nil || errno != 0 {
		t.Fatal(err, errno)
	}
}

func resize(t *testing.T, screen *os.File, columns uint16) {
	t.Helper()
	control(t, screen, syscall.TIOCSWINSZ, unsafe.Pointer(&[4]uint16{25, columns}))
}

// seen reads what was written since, until it is enough: a terminal hands it on in pieces, and when it likes.
func seen(t *testing.T, screen *os.File, enough func(got string) bool) string {
	t.Helper()
	if err := screen.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	p := make([]byte, 4096)
	for !enough(string(got)) {
		n, err := screen.Read(p)
		if got = append(got, p[:n]...); err != nil {
			t.Fatalf("%v after %q", err, got)
		}
	}
	return string(got)
}

func wantSeen(t *testing.T, screen *os.File, want string) {
	t.Helper()
	if got := seen(t, screen, func(got string) bool { return len(got) >= len(want) }); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALineIsAsWideAsTheTerminalIsNow(t *testing.T) {
	screen, out := terminal(t)
	clock := newHand()
	resize(t, screen, 60)
	b := New(100, Output(out), clock.option(), Postfix("failed=3"))
	wantSeen(t, screen, "\r  0%|                     | 0/100 [00:00<?, ?it/s, failed=3]")
	for _, columns := range []int{20, 80, 40, 200, 1} {
		resize(t, screen, uint16(columns))
		clock.move(time.Second)
		b.Add(1)
		got := seen(t, screen, func(got string) bool { return width(got) > columns }) // with the \r
		if line, ok := strings.CutPrefix(got, "\r"); !ok || width(line) != columns {
			t.Errorf("%d columns of %d: %q", width(line), columns, got)
		}
	}
	resize(t, screen, 0) // it does not know
	clock.move(time.Second)
	b.Add(5)
	wantSeen(t, screen, "\r 10%|█         | 10/100 [00:06<00:38,  2.36it/s, failed=3]")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	wantSeen(t, screen, "\r 10%|█         | 10/100 [00:06<00:54,  1.67it/s, failed=3]\r\n")
}

func TestALineIsPrintedAboveTheBarOfATerminal(t *testing.T) {
	screen, out := terminal(t)
	resize(t, screen, 40)
	b := New(2, Output(out), newHand().option())
	blank := "\r" + strings.Repeat(" ", 40) + "\r"
	bar := "\r  0%|             | 0/2 [00:00<?, ?it/s]"
	b.Println("川の流れ")
	wantSeen(t, screen, bar+blank+"川の流れ\r\n"+bar)
	b.Close()
	b.Println("afterwards")
	wantSeen(t, screen, bar+"\r\nafterwards\r\n")
}

func TestATerminalThatHasGoneIsAnError(t *testing.T) {
	screen, out := terminal(t)
	b := New(2, Output(out))
	screen.Close()
	b.Add(2)
	if err := b.Close(); err == nil {
		t.Error("the last line was written to no terminal")
	}
	out.Close()
	b = New(2, Output(out)) // closed: no terminal
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
