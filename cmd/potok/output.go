package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// output is where records go: stdout, or a file that may hold those of an earlier run.
type output struct {
	w      io.Writer
	format format
	file   *os.File // nil: stdout
	earlier
}

// openOutput opens the output. path is "" for stdout.
func openOutput(path string, resume bool, f format, stdout io.Writer) (*output, error) {
	o := &output{w: stdout, format: f}
	if path == "" {
		err := o.begin()
		return o, err
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
	if o.records > 0 {
		return o, nil
	}
	if err := o.begin(); err != nil {
		file.Close()
		return nil, err
	}
	return o, nil
}

// begin writes what stands before all records.
func (o *output) begin() error {
	if o.format.header == "" {
		return nil
	}
	_, err := io.WriteString(o.w, o.format.header)
	return err
}

// write writes a record, in one write.
func (o *output) write(input string, line []byte) error {
	if o.resumes {
		o.replaces(input)
	}
	_, err := o.w.Write(line)
	return err
}

// close ends the output. Records that newer ones have replaced are dropped then.
func (o *output) close() error {
	if o.file == nil {
		return nil
	}
	err := o.drop(o.file, o.format)
	return errors.Join(err, o.file.Close())
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
