package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// earlier is what an output file of an earlier run holds: the inputs that need not be read again, and those whose records this run
// replaces. The zero value is that of a new file.
type earlier struct {
	resumes bool
	records int
	taken   hashSet // inputs with a good record, and those that this run has taken
	stale   hashSet // inputs of which a record is not the last, or will not be if this run makes another
	replace bool    // there are such records
}

// keyOf makes the same of an input and of what a record says of it.
func keyOf(input string) uint64 { return hashOf(harmless(input)) }

// take says whether an input has to be read, and notes that it is. Without --resume each has.
func (e *earlier) take(input string) bool { return !e.resumes || e.taken.add(keyOf(input)) }

// replaces notes that a record is written.
func (e *earlier) replaces(input string) { e.replace = e.replace || e.stale.has(keyOf(input)) }

// read reads the records that a file holds, and cuts off a last line that has no end. The file stands at its end then.
func (e *earlier) read(file *os.File, f format) error {
	end := int64(0)
	for r, err := range recordsOf(file, f) {
		if err != nil {
			return err
		}
		if r.torn {
			break
		}
		end = r.end
		if r.header {
			continue
		}
		e.records++
		key := keyOf(r.input)
		again := e.taken.has(key) || e.stale.has(key)
		if again {
			e.replace = true
		}
		if again || !r.good {
			e.stale.add(key)
		}
		if r.good {
			e.taken.add(key)
		}
	}
	if e.records == 0 {
		end = 0 // of a header alone nothing is worth keeping
	}
	if err := file.Truncate(end); err != nil {
		return outputFault(err)
	}
	_, err := file.Seek(end, io.SeekStart)
	return err
}

// fileRecord is a line of an output file.
type fileRecord struct {
	line   []byte // with its end; until the next
	start  int64
	end    int64
	header bool
	torn   bool // it has no end
	input  string
	good   bool
}

// recordsOf yields the lines of a file from its beginning.
func recordsOf(file *os.File, f format) iter.Seq2[fileRecord, error] {
	return func(yield func(fileRecord, error) bool) {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			yield(fileRecord{}, fmt.Errorf("cannot resume: %w", err))
			return
		}
		lines := bufio.NewReaderSize(file, 1<<20)
		var long []byte
		at := int64(0)
		for number := 1; ; number++ {
			line, err := lines.ReadSlice('\n')
			for long = long[:0]; errors.Is(err, bufio.ErrBufferFull); {
				long = append(long, line...)
				line, err = lines.ReadSlice('\n')
			}
			if len(long) > 0 {
				long = append(long, line...)
				line = long
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(fileRecord{}, fmt.Errorf("cannot resume: %w", err))
				return
			}
			if len(line) == 0 {
				return
			}
			r := fileRecord{line: line, start: at, end: at + int64(len(line)), torn: err != nil}
			at = r.end
			switch {
			case r.torn:
				err = nil
			case number == 1 && f.header != "" && string(line) == f.header:
				r.header = true
			default:
				if r.input, r.good, err = f.parse(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
					err = fmt.Errorf("cannot resume: line %d of %s is no record of --format %s (%w); choose its format, or another file",
						number, file.Name(), f.name, err)
				}
			}
			if !yield(r, err) || r.torn {
				return
			}
		}
	}
}

// drop takes the records out that newer ones have replaced: the file is written anew and put in the place of the old one at once.
func (e *earlier) drop(file *os.File, f format) error {
	if !e.replace {
		return nil
	}
	last := make(map[uint64]int64)
	for r, err := range recordsOf(file, f) {
		if err != nil {
			return err
		}
		if key := keyOf(r.input); !r.header && !r.torn && e.stale.has(key) {
			last[key] = r.start
		}
	}
	return rewrite(file, func(w io.Writer) error {
		for r, err := range recordsOf(file, f) {
			if err != nil {
				return err
			}
			if at, replaced := last[keyOf(r.input)]; !r.header && replaced && at != r.start {
				continue
			}
			if _, err := w.Write(r.line); err != nil {
				return err
			}
		}
		return nil
	})
}
