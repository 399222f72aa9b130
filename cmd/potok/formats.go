package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/potok-go/potok/titles"
)

// A record is what came of one input.
type record struct {
	titles.Page
	took time.Duration
}

// A format makes the line for stdout, with its end; nil when there is none and a reason belongs on stderr.
type format func(rec record, err error) []byte

var formats = []struct {
	name   string
	format format
}{
	{"text", textLine},
	{"json", jsonLine},
}

func formatNames() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// formatNamed proposes another name for an unknown one.
func formatNamed(name string) (format, error) {
	for _, f := range formats {
		if f.name == name {
			return f.format, nil
		}
	}
	for _, f := range formats {
		if name != "" && alike(strings.ToLower(name), f.name) {
			return nil, fmt.Errorf("unknown format %q; did you mean %s?", name, f.name)
		}
	}
	return nil, fmt.Errorf("unknown format %q; there are %s", name, strings.Join(formatNames(), " and "))
}

// alike reports whether at most two letters have to be put in, taken out or replaced to make one of the other.
func alike(a, b string) bool { return distance(a, b) <= 2 }

func distance(a, b string) int {
	switch {
	case a == "":
		return len(b)
	case b == "" || len(a)+len(b) > 16:
		return len(a)
	case a[0] == b[0]:
		return distance(a[1:], b[1:])
	}
	return 1 + min(distance(a[1:], b), distance(a, b[1:]), distance(a[1:], b[1:]))
}

func textLine(rec record, err error) []byte {
	if err != nil {
		return nil
	}
	return []byte(harmless(rec.Input) + "\t" + harmless(rec.Title) + "\n")
}

func jsonLine(rec record, err error) []byte {
	line := struct {
		Input    string  `json:"input"`
		URL      string  `json:"url"`
		Status   int     `json:"status"`
		Title    *string `json:"title,omitempty"` // "" is a title, too
		Charset  string  `json:"charset,omitempty"`
		Error    string  `json:"error,omitempty"`
		Kind     string  `json:"kind,omitempty"`
		Attempts int     `json:"attempts"`
		MS       int64   `json:"ms"`
	}{
		Input: rec.Input, URL: rec.URL, Status: rec.Status, Charset: rec.Charset, Attempts: 1, MS: rec.took.Milliseconds(),
	}
	if err == nil {
		line.Title = &rec.Title
	} else {
		line.Error, line.Kind = reason(err), titles.KindOf(err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		panic(err) // strings and numbers only
	}
	return b.Bytes()
}

// harmless makes a space of every control character, so that a line is a line and a terminal shows what is there.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// lockedWriter is for what the run and its signals write at the same time.
type lockedWriter struct {
	mu sync.Mutex // guards w; held while writing, which is what it is for
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
