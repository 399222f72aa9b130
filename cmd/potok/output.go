package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/potok-go/potok/titles"
)

// output is where records go: stdout, or a file that may hold those of an earlier run.
type output struct {
	w      io.Writer
	format format
	file   *os.File // nil: stdout
	earlier
	order *arrivals // nil: records come in the order in which they are to stand
}

// openOutput opens the output. path is "" for stdout. Records of a new file that is to be in order are written as they come, and sorted at
// the end.
func openOutput(path string, resume, inOrder bool, f format, stdout io.Writer) (*output, error) {
	o := &output{w: stdout, format: f}
	if path == "" {
		return o, nil
	}
	how := os.O_RDWR | os.O_CREATE
	if !resume {
		how |= os.O_TRUNC
	}
	file, err := os.OpenFile(path, how, 0o666)
	if err != nil {
		return nil, fmt.Errorf("cannot write the output: %w", err)
	}
	o.w, o.file = file, file
	if resume {
		if err := o.read(file, f); err != nil {
			file.Close()
			return nil, err
		}
		o.resumes = true
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && inOrder && !resume {
		if o.order, err = newArrivals(filepath.Dir(path)); err != nil {
			file.Close()
			return nil, outputFault(err)
		}
	}
	return o, nil
}

// begin writes what stands before all records. It is called before the first.
func (o *output) begin() error {
	if o.format.header == "" || o.records > 0 {
		return nil
	}
	_, err := io.WriteString(o.w, o.format.header)
	return err
}

// write writes a record, in one write.
func (o *output) write(page titles.Page, line []byte) error {
	if o.resumes {
		o.replaces(page.Input)
	}
	if _, err := o.w.Write(line); err != nil || o.order == nil {
		return err
	}
	return o.order.note(page.Number)
}

// close ends the output: records that newer ones have replaced are dropped, those that came early put in their place. fault is what has
// ended the run, if the output is no good any more: then the file is left as it is.
func (o *output) close(fault error) error {
	if o.file == nil {
		return fault
	}
	if o.order != nil {
		defer o.order.close()
		if o.order.disorder && fault == nil {
			fault = rewrite(o.file, func(w io.Writer) error { return o.order.sort(o.file, o.format, w) })
		}
	}
	if fault == nil {
		fault = o.drop(o.file, o.format)
	}
	return errors.Join(fault, o.file.Close())
}

// closedPipe says whether the reader of the output has gone: who closed a pipe has what he wanted.
func closedPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// outputFault is what is said of an output that is gone.
func outputFault(err error) error {
	if outer, ok := errors.AsType[*os.PathError](err); ok {
		err = outer.Err
	}
	return fmt.Errorf("cannot write the output: %w", err)
}
