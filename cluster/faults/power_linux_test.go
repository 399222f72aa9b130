package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

// A power cut takes what the disk was not told to keep. Here the disk is an image, with a file system that writes by itself
// once in five minutes: what of it is in the image when the server is stopped is what was synced. The server goes on from a
// copy.
func TestPowerCut(t *testing.T) {
	if os.Getenv(longVar) == "" {
		t.Skip("it mounts file systems: run it with make faults")
	}
	if os.Getuid() != 0 {
		t.Skip("it mounts file systems: run it as root")
	}
	for _, tt := range []struct {
		mode  embedded.Mode
		grace time.Duration // before the cut, in which what was accepted may be lost
	}{
		{embedded.Strict, 0},
		{embedded.Fast, time.Second + 500*time.Millisecond}, // between two syncs, and what a sync takes on a busy disk
	} {
		t.Run(tt.mode.String(), func(t *testing.T) {
			image, dir := newImage(t)
			server, url := startServer(t, filepath.Join(dir, "store"), "127.0.0.1:0", tt.mode)
			for range 2 {
				startWorker(t, url, 2)
			}
			all := orders(t, 400, 60)
			c := connectTo(t, url, "power")
			wait := submitAll(t, c, all)
			begun(t, all, 20)
			probes := probe(t, url)
			time.Sleep(4 * time.Second) // more than a sync takes to come
			at := time.Now()
			if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			accepted := probes.stop()
			dir = copyImage(t, image)
			server.kill()
			startServer(t, filepath.Join(dir, "store"), strings.TrimPrefix(url, "nats://"), tt.mode)

			js := newJetStream(t, connection(t, url))
			there := subjects(t, js, "POTOK_RESULTS", "potok.res.probe.>")
			lost, oldest := 0, time.Duration(0)
			for subject, acked := range accepted {
				if there[subject] == 0 {
					lost++
					oldest = max(oldest, at.Sub(acked))
				}
			}
			t.Logf("%d of %d accepted messages are lost; the oldest was %v old", lost, len(accepted), oldest)
			if len(accepted) < 100 {
				t.Errorf("only %d messages were accepted", len(accepted))
			}
			if lost > 0 && oldest > tt.grace {
				t.Errorf("what was accepted %v before the cut is lost", oldest)
			}
			wait()
			_, total := executions(t, all)
			t.Logf("%d executions of %d calls", total, len(all))
			if tt.mode == embedded.Strict {
				checkRun(t, connection(t, url), "power", all)
			}
			// Of a run, too: what was answered and is lost is run again by who comes next, and nobody waits for ever.
			submitAll(t, connectTo(t, url, "power"), all)()
			checkRun(t, connection(t, url), "power", all)
		})
	}
}

// runProgram runs a program that has to succeed.
func runProgram(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func newImage(t testing.TB) (image, dir string) {
	t.Helper()
	for _, program := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("there are no loop devices: ", err)
	}
	image = filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(f.Truncate(256<<20), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	runProgram(t, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
	return image, mount(t, image)
}

func mount(t testing.TB, image string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	runProgram(t, "mount", "-o", "loop,commit=300", image, dir)
	t.Cleanup(func() { // the server may be on its way out
		eventually(t, "unmounted", func() bool { return exec.Command("umount", dir).Run() == nil })
	})
	return dir
}

// copyImage copies what is on the disk, and mounts that.
func copyImage(t testing.TB, image string) (dir string) {
	t.Helper()
	second := filepath.Join(t.TempDir(), "image")
	runProgram(t, "cp", "--sparse=always", image, second)
	return mount(t, second)
}

// probes are messages of whoever notes when each was accepted.
type probes struct {
	quit context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex // guards accepted
	accepted map[string]time.Time
}

// probe sends results of no call, one after the other, in four rows.
func probe(t testing.TB, url string) *probes {
	t.Helper()
	js := newJetStream(t, connection(t, url))
	ctx, quit := context.WithCancel(context.Background())
	p := &probes{quit: quit, accepted: map[string]time.Time{}}
	t.Cleanup(quit)
	for row := range 4 {
		p.work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				subject := fmt.Sprintf("potok.res.probe.%d-%d", row, n)
				if _, err := js.Publish(ctx, subject, make([]byte, 200), jetstream.WithExpectLastSequencePerSubject(0)); err == nil {
					p.mu.Lock()
					p.accepted[subject] = time.Now()
					p.mu.Unlock()
				}
			}
		})
	}
	return p
}

func (p *probes) stop() map[string]time.Time {
	p.quit()
	p.work.Wait()
	return p.accepted
}
