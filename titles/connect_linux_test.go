package titles

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// fullListener does not accept, and has no room for connections that wait to be.
func fullListener(t *testing.T) (address string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	listen, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	check(err)
	t.Cleanup(func() { syscall.Close(listen) })
	check(syscall.Bind(listen, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check(syscall.Listen(listen, 0))
	name, err := syscall.Getsockname(listen)
	check(err)
	for range 4 {
		conn, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		check(err)
		t.Cleanup(func() { syscall.Close(conn) })
		syscall.Connect(conn, name) // under way
	}
	return fmt.Sprintf("http://127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port) //nolint:forcetypeassert // it is one
}

func TestDialThatTimesOutIsToldFromAPage(t *testing.T) {
	address := fullListener(t)
	for name, c := range map[string]struct {
		option Option
		want   outcome
	}{
		"connection": {ConnectTimeout(100 * time.Millisecond), outcome{KindConnect, true, true}},
		"page":       {Timeout(100 * time.Millisecond), outcome{KindTimeout, true, false}},
	} {
		if _, err := fetcher(t, c.option).Fetch(limit(t), address); outcomeOf(err) != c.want {
			t.Errorf("%s: %v: %+v, want %+v", name, err, outcomeOf(err), c.want)
		}
	}
}
