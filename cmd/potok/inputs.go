package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
)

const (
	maxLine     = 64 << 10 // of a list; a longer one is no address
	shownOfLine = 100      // bytes of it
)

// An input is one page to fetch, or what stands in its place and why it is none.
type input struct {
	text string
	err  error
	list string // that it stands in; "": it is an argument
	line int    // of the list, from 1
}

var errLineTooLong = fmt.Errorf("input line longer than %d bytes", maxLine)

// inputs reads arguments, then lists. Reading may block, on a terminal for ever, and no context ends that: it has a goroutine of its
// own, which at the end of the program nobody waits for.
type inputs struct {
	args  []string
	lists []list
	found chan input
	done  chan struct{} // closed when nobody takes inputs any more
	fault error         // of reading; to be read when found is closed
}

type list struct {
	name string
	r    io.Reader
}

// openInputs opens all lists at once: one that is missing should not be noticed after hours.
func openInputs(args, names []string, stdin io.Reader) (*inputs, error) {
	in := &inputs{args: args, found: make(chan input, 64), done: make(chan struct{})} // 64: a read of a list gives that many lines
	for _, name := range names {
		if name == "-" {
			in.lists = append(in.lists, list{"stdin", stdin})
			continue
		}
		file, err := os.Open(name)
		if err != nil {
			in.closeLists()
			return nil, fmt.Errorf("cannot read the list: %w", err)
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			in.closeLists()
			file.Close()
			return nil, fmt.Errorf("cannot read the list: %s is a directory", name)
		}
		in.lists = append(in.lists, list{name, file})
	}
	go in.read(stdin)
	return in, nil
}

// count finds out in the background how many inputs there are, and tells, if all stand in arguments and regular files. It ends with
// ctx; wait waits for that.
func (in *inputs) count(ctx context.Context, tell func(int)) (wait func()) {
	for _, l := range in.lists {
		file, ok := l.r.(*os.File)
		if info, err := statOf(file, ok); err != nil || !info.Mode().IsRegular() {
			return func() {}
		}
	}
	if slices.Contains(in.args, "-") {
		return func() {}
	}
	var counter sync.WaitGroup
	counter.Go(func() {
		n := len(in.args)
		for _, l := range in.lists {
			lines, ok := countLines(ctx, l.name)
			if !ok {
				return
			}
			n += lines
		}
		tell(n)
	})
	return counter.Wait
}

func statOf(file *os.File, ok bool) (os.FileInfo, error) {
	if !ok {
		return nil, os.ErrInvalid
	}
	return file.Stat()
}

// countLines counts the inputs of a list. False: ctx has ended, or it cannot be read.
func countLines(ctx context.Context, name string) (n int, ok bool) {
	file, err := os.Open(name)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	lines, err := newLineReader(file)
	for err == nil {
		if _, err = lines.next(); err == nil {
			n++
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return 0, false
		}
	}
	return n, errors.Is(err, io.EOF)
}

// close ends the goroutine that reads, unless it is blocked in a read.
func (in *inputs) close() {
	close(in.done)
	in.closeLists()
}

func (in *inputs) closeLists() {
	for _, l := range in.lists {
		if f, ok := l.r.(*os.File); ok && l.name != "stdin" {
			f.Close()
		}
	}
}

// all yields the inputs until there are no more or ctx ends, also while nothing comes.
func (in *inputs) all(ctx context.Context) iter.Seq[input] {
	return func(yield func(input) bool) {
		for {
			select {
			case i, ok := <-in.found:
				if !ok || !yield(i) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// err is what went wrong in reading the lists. It is for use after all has come to its end.
func (in *inputs) err() error { return in.fault }

// read is the goroutine.
func (in *inputs) read(stdin io.Reader) {
	defer close(in.found)
	for _, arg := range in.args {
		if arg != "-" {
			if !in.put(input{text: arg}) {
				return
			}
		} else if !in.readList(list{"stdin", stdin}) {
			return
		}
	}
	for _, l := range in.lists {
		if !in.readList(l) {
			return
		}
	}
}

// put is false when nobody wants more.
func (in *inputs) put(i input) bool {
	select {
	case in.found <- i:
		return true
	case <-in.done:
		return false
	}
}

// readList is false when nobody wants more; a list that cannot be read to its end does not keep the next from being read.
func (in *inputs) readList(l list) bool {
	lines, err := newLineReader(l.r)
	for err == nil {
		var i input
		if i, err = lines.next(); err == nil {
			i.list = l.name
			if !in.put(i) {
				return false
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		in.fault = errors.Join(in.fault, fmt.Errorf("cannot read %s to its end: %w", l.name, err))
	}
	return true
}

// lineReader reads the lines of a list.
type lineReader struct {
	r    *bufio.Reader
	line int // lines read so far
}

// newLineReader unpacks a list that is gzip, whatever its name is.
func newLineReader(r io.Reader) (*lineReader, error) {
	b := bufio.NewReaderSize(r, maxLine)
	if startsWith(b, "\x1f\x8b") {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		b = bufio.NewReaderSize(z, maxLine)
	}
	if startsWith(b, "\xef\xbb\xbf") {
		b.Discard(3) //nolint:errcheck // it was peeked at
	}
	return &lineReader{r: b}, nil
}

// startsWith looks at what comes next. It reads no further than it must: a line may be shorter than what is looked for, and the next
// one may come much later.
func startsWith(b *bufio.Reader, what string) bool {
	for n := range len(what) {
		if start, _ := b.Peek(n + 1); string(start) != what[:n+1] {
			return false
		}
	}
	return true
}

// next returns the next line that is an input.
func (l *lineReader) next() (input, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		l.line++
		if errors.Is(err, bufio.ErrBufferFull) {
			return l.tooLong(line), nil
		}
		if text := bytes.TrimSpace(line); len(text) > 0 && text[0] != '#' {
			return input{text: string(text), line: l.line}, nil
		}
		if err != nil {
			return input{}, err
		}
	}
}

// tooLong consumes the rest of a line that begins so.
func (l *lineReader) tooLong(line []byte) input {
	shown := strings.ToValidUTF8(string(bytes.TrimSpace(line)[:shownOfLine]), "") + "…"
	for err := bufio.ErrBufferFull; errors.Is(err, bufio.ErrBufferFull); {
		_, err = l.r.ReadSlice('\n')
	}
	return input{text: shown, err: errLineTooLong, line: l.line}
}

// looksLikeList reports whether an argument is a text file whose first line is a URL: a list, and no page.
func looksLikeList(arg string) bool {
	if strings.Contains(arg, "://") {
		return false
	}
	info, err := os.Stat(arg)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := os.Open(arg)
	if err != nil {
		return false
	}
	defer file.Close()
	lines, err := newLineReader(io.LimitReader(file, 4096))
	if err != nil {
		return false
	}
	first, err := lines.next()
	text := strings.ToLower(first.text)
	return err == nil && (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")) && !strings.ContainsAny(text, " \x00<")
}
