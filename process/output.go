package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A printer writes what all workers of a pool print, line by line.
type printer struct {
	to   io.Writer
	turn chan struct{} // has one in it while somebody writes: no lock, as to is the user's
}

func (p *printer) print(tag string, line []byte) {
	text := make([]byte, 0, len(tag)+len(line)+1)
	text = append(append(append(text, tag...), line...), '\n')
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	_, _ = p.to.Write(text) // whoever reads it, or not: the workers go on
}

// An output is what one worker prints. It is always read, so that a worker never waits for somebody to look.
type output struct {
	printer *printer
	tag     string
	pipes   [2]*os.File // stdout and stderr
	drained sync.WaitGroup
	ended   chan struct{} // closed when both have been read
	last    tail          // of stderr
}

const (
	keptOutput = 64 << 10
	longLine   = 64 << 10 // what is longer is cut in pieces
)

// newOutput returns the ends that the worker writes to, too.
func newOutput(p *printer, name string) (o *output, stdout, stderr *os.File, err error) {
	o = &output{printer: p, tag: name, ended: make(chan struct{})}
	if o.pipes[0], stdout, err = os.Pipe(); err != nil {
		return nil, nil, nil, err
	}
	if o.pipes[1], stderr, err = os.Pipe(); err != nil {
		o.pipes[0].Close()
		stdout.Close()
		return nil, nil, nil, err
	}
	return o, stdout, stderr, nil
}

// begin reads what the worker with this number prints.
func (o *output) begin(pid int) {
	o.tag = fmt.Sprintf("[%s %d] ", o.tag, pid)
	var read sync.WaitGroup
	for i, pipe := range o.pipes {
		read.Go(func() { o.read(pipe, i == 1) })
	}
	o.drained.Go(func() {
		read.Wait()
		close(o.ended)
	})
}

func (o *output) read(pipe *os.File, keep bool) {
	defer pipe.Close()
	buf := make([]byte, 32<<10)
	var line []byte
	for {
		n, err := pipe.Read(buf)
		if keep {
			o.last.write(buf[:n])
		}
		line = append(line, buf[:n]...)
		for {
			at := bytes.IndexByte(line, '\n')
			if at < 0 && len(line) < longLine {
				break
			}
			if at < 0 {
				o.printer.print(o.tag, line)
				line = nil
				break
			}
			o.printer.print(o.tag, bytes.TrimSuffix(line[:at], []byte{'\r'}))
			line = line[at+1:]
		}
		if err != nil {
			if len(line) > 0 {
				o.printer.print(o.tag, line)
			}
			return
		}
	}
}

// close is for a worker that never was.
func (o *output) close() {
	for _, pipe := range o.pipes {
		pipe.Close()
	}
}

// patience is how long the news of a death wait for what the dead worker has printed.
const patience = 100 * time.Millisecond

// drain waits for what a dead worker has printed, and returns the last of its stderr. A process that the worker has left
// behind may hold the pipes open, and who gets the lines may be busy: neither is waited for.
func (o *output) drain() (stderr string) {
	for _, pipe := range o.pipes {
		_ = pipe.SetReadDeadline(time.Now().Add(patience)) // an error means that it is closed already
	}
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	select {
	case <-o.ended:
	case <-timer.C:
	}
	return o.last.String()
}

// A tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex // guards kept; never held while blocking
	kept []byte
}

func (t *tail) write(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if n := len(t.kept); n > 2*keptOutput {
		t.kept = append(t.kept[:0], t.kept[n-keptOutput:]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.kept[max(0, len(t.kept)-keptOutput):]), "\uFFFD")
}
