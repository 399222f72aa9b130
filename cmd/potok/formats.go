package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/potok-go/potok/titles"
)

// A format is how records are written and, with --resume, read again.
type format struct {
	name   string
	header string // a line before all records; "" for none
	// line makes the record of a page, with its end; nil when it has none and a reason belongs on stderr.
	line func(page titles.Page, err error) []byte
	// parse finds out of which input a line is the record, and whether that is a good one. An error says that the line is no record.
	parse func(line []byte) (input string, good bool, err error)
}

var formats = []format{
	{name: "text", line: textLine, parse: parseText},
	{name: "json", line: jsonLine, parse: parseJSON},
	{name: "csv", header: strings.Join(columns, ",") + "\n", line: csvLine, parse: parseCSV},
	{name: "tsv", header: strings.Join(columns, "\t") + "\n", line: tsvLine, parse: parseTSV},
}

// columns are the names of what a record holds.
var columns = []string{"input", "url", "status", "title", "charset", "error", "kind", "attempts", "ms"}

const (
	inputColumn = 0
	errorColumn = 5
)

func formatNames() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func textLine(page titles.Page, err error) []byte {
	if err != nil {
		return nil
	}
	fields := []string{page.Input, page.Title}
	if len(page.Matches) > 0 {
		fields = append(fields[:1], page.Matches...)
	}
	for i, field := range fields {
		fields[i] = harmless(field)
	}
	return []byte(strings.Join(fields, "\t") + "\n")
}

func parseText(line []byte) (input string, good bool, err error) {
	before, _, ok := bytes.Cut(line, []byte("\t"))
	if !ok {
		return "", false, errors.New("a line without a tab")
	}
	return string(before), true, nil
}

// jsonRecord is a record as an object.
type jsonRecord struct {
	Input    string   `json:"input"`
	URL      string   `json:"url"`
	Status   int      `json:"status"`
	Title    *string  `json:"title,omitempty"` // "" is a title, too
	Matches  []string `json:"matches,omitempty"`
	Charset  string   `json:"charset,omitempty"`
	Error    string   `json:"error,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	Attempts int      `json:"attempts"`
	MS       int64    `json:"ms"`
}

func jsonLine(page titles.Page, err error) []byte {
	rec := jsonRecord{
		Input: page.Input, URL: page.URL, Status: page.Status, Charset: page.Charset, Attempts: page.Attempts, MS: page.Took.Milliseconds(),
	}
	if err == nil {
		rec.Title, rec.Matches = &page.Title, page.Matches
	} else {
		rec.Error, rec.Kind = reason(err), titles.KindOf(err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(rec); err != nil {
		panic(err) // strings and numbers only
	}
	return b.Bytes()
}

func parseJSON(line []byte) (input string, good bool, err error) {
	var rec struct {
		Input *string
		Error string
	}
	if err := json.Unmarshal(line, &rec); err != nil {
		return "", false, err
	}
	if rec.Input == nil {
		return "", false, errors.New("an object without an input")
	}
	return *rec.Input, rec.Error == "", nil
}

// row is a record as fields.
func row(page titles.Page, err error) []string {
	fields := []string{
		page.Input, page.URL, strconv.Itoa(page.Status), page.Title, page.Charset, "", "",
		strconv.Itoa(page.Attempts), strconv.FormatInt(page.Took.Milliseconds(), 10),
	}
	if len(page.Matches) > 1 {
		fields[3] = strings.Join(page.Matches, " ")
	}
	if err != nil {
		fields[3], fields[errorColumn], fields[errorColumn+1] = "", reason(err), titles.KindOf(err)
	}
	for i, field := range fields {
		fields[i] = harmless(field)
	}
	return fields
}

func csvLine(page titles.Page, err error) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(row(page, err)); err != nil {
		panic(err) // a buffer takes everything
	}
	w.Flush()
	return b.Bytes()
}

func parseCSV(line []byte) (input string, good bool, err error) {
	fields, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil {
		return "", false, err
	}
	return parseFields(fields)
}

func tsvLine(page titles.Page, err error) []byte {
	return []byte(strings.Join(row(page, err), "\t") + "\n")
}

func parseTSV(line []byte) (input string, good bool, err error) {
	return parseFields(strings.Split(string(line), "\t"))
}

func parseFields(fields []string) (input string, good bool, err error) {
	if len(fields) != len(columns) {
		return "", false, fmt.Errorf("%d fields, want %d", len(fields), len(columns))
	}
	return fields[inputColumn], fields[errorColumn] == "", nil
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

// reason is what an error says without the program's name before it.
func reason(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(text, "potok: ")
}

// formatNamed returns the format of that name.
func formatNamed(name string) (format, error) {
	for _, f := range formats {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, unknownValue("format", name, formatNames())
}

// unknownValue says that a flag has no such value, and which one may be meant.
func unknownValue(what, value string, values []string) error {
	best, least := "", 3 // so many letters may be wrong, and one less
	for _, known := range values {
		if d := distance(strings.ToLower(value), known); d < least && d < len(known) && value != "" {
			best, least = known, d
		}
	}
	if best != "" {
		return fmt.Errorf("unknown %s %q; did you mean %s?", what, value, best)
	}
	last := len(values) - 1
	return fmt.Errorf("unknown %s %q; there are %s and %s", what, value, strings.Join(values[:last], ", "), values[last])
}

// distance is how many letters have to be put in, taken out or replaced to make one of the other (Levenshtein, 1965).
func distance(a, b string) int {
	switch {
	case a == "":
		return len(b)
	case b == "" || len(a)+len(b) > 24:
		return max(len(a), len(b))
	case a[0] == b[0]:
		return distance(a[1:], b[1:])
	}
	return 1 + min(distance(a[1:], b), distance(a, b[1:]), distance(a[1:], b[1:]))
}
