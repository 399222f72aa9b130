package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The limit for a host holds for the run, however many workers there are.
func TestLimitsHoldForAllProcessesTogether(t *testing.T) {
	var now, most, all atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer now.Add(-1)
		for n := now.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		all.Add(1)
		time.Sleep(20 * time.Millisecond) // long enough for another worker to come
		fmt.Fprintf(w, "<!doctype html><title>%s</title>", r.URL.Path)
	}))
	defer site.Close()
	args, want := []string{"titles", "--on", "processes", "-j", "4", "--per-host", "2"}, ""
	for i := range 40 {
		args = append(args, fmt.Sprintf("%s/%d", site.URL, i))
		want += fmt.Sprintf("%s/%d\t/%d\n", site.URL, i, i)
	}
	s := start(t, args...)
	s.wantEnd(t, 0, want)
	if all.Load() != 40 || most.Load() != 2 {
		t.Errorf("%d pages were asked for, at most %d at once", all.Load(), most.Load())
	}
}

// A page that kills its worker: here the server does it, which finds out who has connected to it.
func TestAPageThatKillsItsWorkerCostsOnlyItself(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/lethal") {
			if pid := ownerOf(r.RemoteAddr); pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
				t.Errorf("who is %s?", r.RemoteAddr)
			}
			<-r.Context().Done()
			return
		}
		fmt.Fprintf(w, "<!doctype html><title>%s</title>", r.URL.Path)
	}))
	defer site.Close()
	args := []string{"titles", "--on", "processes", "-j", "4", "--format", "json"}
	for i := range 60 {
		path := fmt.Sprint("/", i)
		if i%20 == 10 {
			path = "/lethal" + path
		}
		args = append(args, site.URL+path)
	}
	s := start(t, args...)
	all, err := io.ReadAll(s.out)
	if err != nil {
		t.Fatal(err)
	}
	s.wantEnd(t, exitFailed, "")
	out := string(all)
	if good := strings.Count(out, `"title":"/`); good != 57 {
		t.Errorf("%d of 57 other pages are good:\n%s", good, out)
	}
	if lethal := strings.Count(out, "died while it ran potok.titles.fetch: signal: killed"); lethal != 3 {
		t.Errorf("%d of 3 lethal pages say so:\n%s", lethal, out)
	}
}

// ownerOf returns the process that has the connection from this address; 0 if there is none.
func ownerOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) > 9 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", number)) && fields[9] != "0" {
			return holderOf("socket:[" + fields[9] + "]")
		}
	}
	return 0
}

func holderOf(socket string) int {
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0
	}
	for _, file := range files {
		if link, err := os.Readlink(file); err == nil && link == socket {
			pid, err := strconv.Atoi(strings.Split(file, "/")[2])
			if err == nil && pid != os.Getpid() {
				return pid
			}
		}
	}
	return 0
}
