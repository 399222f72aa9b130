package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A reader is a contender that reads the pages of a list as a process of its own.
type reader struct {
	name    string
	share   int    // it reads the first 1/share of the list: one that is slow would take minutes
	missing string // why it cannot take part, "" if it can

	// command reads the list. With show, what it prints has all the titles.
	command func(l list, show bool) (command, error)
	// check looks at what a run printed. It is not called for a run that failed.
	check func(l list, show bool, printed []byte) error

	clockItself bool // the last line on stderr is how many seconds it took, and how many of the processors
	counted     bool // it reads connections by read(2), so that what it reads is known
}

// potokTitles is the program under test. Counted rounds print to nowhere: that all
// pages had a title its exit code says, which of them the rounds that are not
// counted.
func potokTitles(w *workshop, workers int) reader {
	return reader{
		name: ours, share: 1, counted: true,
		command: func(l list, show bool) (command, error) {
			flags := []string{"--unordered"}
			if !show {
				flags = append(flags, "--output="+os.DevNull)
			}
			return w.titles(l.file, workers, flags...), nil
		},
		check: func(l list, show bool, printed []byte) error {
			if !show {
				return nil
			}
			return checkRecords(l, printed)
		},
	}
}

// checkRecords looks for the titles in the program's records.
func checkRecords(l list, printed []byte) error {
	var titles []string
	for line := range bytes.Lines(printed) {
		var record struct{ Title string }
		if err := json.Unmarshal(line, &record); err != nil {
			return fmt.Errorf("a record: %w", err)
		}
		titles = append(titles, record.Title)
	}
	return l.checkTitles(titles)
}

// goReader is a rival in Go, which is a part of this binary.
func goReader(name, part string, workers, share int) reader {
	return reader{
		name: name, share: share, counted: true,
		command: func(l list, _ bool) (command, error) { return playing(part, l.file, strconv.Itoa(workers)) },
		check: func(l list, _ bool, printed []byte) error {
			want := fmt.Sprintln(l.n, l.titleBytes())
			if string(printed) != want {
				return fmt.Errorf("it found %q, not %q", printed, want)
			}
			return nil
		},
	}
}

// curlParallel fetches and looks for nothing. In rounds that are not counted it
// prints the size of each page; in the others its exit code says that all came.
func curlParallel(curl tool, missing error, workers, size int) reader {
	return reader{
		name: byCurl, share: 1, missing: reason(missing),
		command: func(l list, show bool) (command, error) {
			conf, err := curlConf(l)
			args := []string{ // -q: no configuration of the user's
				"-q", "--silent", "--show-error", "--fail", "--parallel", "--parallel-max", strconv.Itoa(workers), "--config", conf,
			}
			if show {
				args = append(args, "--write-out", "%{size_download}\n")
			}
			return command{path: curl.path, args: args}, err
		},
		check: func(l list, show bool, printed []byte) error {
			if !show {
				return nil
			}
			if want := strings.Repeat(fmt.Sprintln(size), l.n); string(printed) != want {
				return fmt.Errorf("it did not fetch %d pages of %d bytes", l.n, size)
			}
			return nil
		},
	}
}

// curlConf writes the list as curl wants it, beside it.
func curlConf(l list) (string, error) {
	addresses, err := os.ReadFile(l.file)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for line := range strings.Lines(string(addresses)) {
		fmt.Fprintf(&b, "url = %q\noutput = %q\n", strings.TrimSpace(line), os.DevNull)
	}
	name := l.file + ".curl"
	return name, os.WriteFile(name, b.Bytes(), 0o600)
}

// notebookWorker is cell 10 of the notebook. What it takes is counted from after its
// imports: it reads so few pages that they would be a good part of it.
func notebookWorker(python tool, missing error, share int) reader {
	return reader{
		name: notebook, share: share, missing: reason(missing), clockItself: true,
		command: func(l list, _ bool) (command, error) {
			script, err := filepath.Abs("testdata/notebook.py")
			return command{path: python.path, args: []string{script, l.file}}, err
		},
		check: func(l list, _ bool, printed []byte) error {
			return l.checkTitles(strings.FieldsFunc(string(printed), func(r rune) bool { return r == ';' || r == '\n' }))
		},
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// read has the reader read the pages of a list, each of which has so many bytes.
func (rd reader) read(ctx context.Context, shop *workshop, l list, size int, show bool) (sample, error) {
	c, err := rd.command(l, show)
	if err != nil {
		return nil, err
	}
	var printed bytes.Buffer
	c.stdout = &printed
	s, said, err := shop.run(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := rd.check(l, show, printed.Bytes()); err != nil {
		return nil, err
	}
	seconds, processors := s.Took.Seconds(), s.CPU.Seconds()
	if rd.clockItself {
		last := said[strings.LastIndexByte(said, '\n')+1:]
		if _, err := fmt.Sscan(last, &seconds, &processors); err != nil {
			return nil, errors.Join(fmt.Errorf("%q is not what it took", last), err)
		}
	}
	pages := float64(l.n)
	figures := sample{
		pagesPerSecond: pages / seconds,
		cpuPerPage:     processors * 1e6 / pages,
		peakMemory:     float64(s.MaxRSS) / 1e6,
	}
	if rd.counted && s.Read >= 0 {
		figures[shareRead] = float64(s.Read) / (pages * float64(size)) * 100
	}
	return figures, nil
}
