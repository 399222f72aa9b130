package main

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/potok-go/potok/titles"
)

// arrivals are the numbers of the inputs whose records a file holds, in the order in which they were written: as soon as they were known,
// so that a kill loses none. When all are there the file is put in the order of the input. They stand in a file without a name, as there
// may be any number of them.
type arrivals struct {
	file     *os.File
	w        *bufio.Writer
	last     int64
	disorder bool
}

func newArrivals(dir string) (*arrivals, error) {
	file, err := os.CreateTemp(dir, ".potok-order-*")
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name()) //nolint:errcheck // where an open file has to keep its name, close removes it
	return &arrivals{file: file, w: bufio.NewWriter(file), last: -1}, nil
}

// note notes the number of a record that is written.
func (a *arrivals) note(number int64) error {
	a.disorder = a.disorder || number < a.last
	a.last = number
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(number))
	_, err := a.w.Write(b[:])
	return err
}

func (a *arrivals) close() {
	a.file.Close()
	os.Remove(a.file.Name()) //nolint:errcheck // nearly always it has no name
}

// all reads the numbers from the first.
func (a *arrivals) all() (next func() (int64, error), err error) {
	if err := a.w.Flush(); err != nil {
		return nil, err
	}
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	r := bufio.NewReader(a.file)
	return func() (int64, error) {
		var b [8]byte
		_, err := io.ReadFull(r, b[:])
		return int64(binary.LittleEndian.Uint64(b[:])), err
	}, nil
}

// numbered is a record and the number of its input.
type numbered struct {
	number int64
	line   []byte
}

// byNumber is for container/heap, the smallest first.
type byNumber []numbered

func (h byNumber) Len() int           { return len(h) }
func (h byNumber) Less(i, j int) bool { return h[i].number < h[j].number }
func (h byNumber) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byNumber) Push(x any)        { *h = append(*h, x.(numbered)) } //nolint:forcetypeassert // there is nothing else
func (h *byNumber) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// sort writes the records of a file to w in the order of their inputs. A record is never farther from its place than a Crawl reads ahead,
// so no more than that have to be in memory.
func (a *arrivals) sort(file *os.File, f format, w io.Writer) error {
	next, err := a.all()
	if err != nil {
		return err
	}
	var early byNumber
	emit := func() error {
		_, err := w.Write(heap.Pop(&early).(numbered).line) //nolint:forcetypeassert // see Push
		return err
	}
	for r, err := range recordsOf(file, f) {
		if err != nil {
			return err
		}
		if r.header {
			if _, err := w.Write(r.line); err != nil {
				return err
			}
			continue
		}
		number, err := next()
		if err != nil {
			return err
		}
		heap.Push(&early, numbered{number, append([]byte(nil), r.line...)})
		if len(early) > titles.OrderWindow {
			if err := emit(); err != nil {
				return err
			}
		}
	}
	for len(early) > 0 {
		if err := emit(); err != nil {
			return err
		}
	}
	return nil
}

// rewrite puts a file in the place of another at once: what write writes, with the mode of the old one.
func rewrite(old *os.File, write func(w io.Writer) error) (err error) {
	fresh, err := os.CreateTemp(filepath.Dir(old.Name()), filepath.Base(old.Name())+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			fresh.Close()
			os.Remove(fresh.Name()) //nolint:errcheck // the same
		}
	}()
	if info, err := old.Stat(); err == nil {
		if err := fresh.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	}
	w := bufio.NewWriterSize(fresh, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), old.Name())
}
