package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/potok-go/potok/cluster"
)

// shownOfPayload is how many characters of what was sent are printed.
const shownOfPayload = 200

// runRecord is a run in JSON.
type runRecord struct {
	Run         string       `json:"run"`
	Named       bool         `json:"named"`
	Began       string       `json:"began,omitempty"`
	KeepFor     string       `json:"keep,omitempty"`
	Done        int          `json:"done"`
	Failed      int          `json:"failed"`
	Cancelled   int          `json:"cancelled"`
	Dead        int          `json:"dead"`
	Waiting     int          `json:"waiting"`
	DeadLetters []deadRecord `json:"dead_letters,omitempty"`
}

// deadRecord is a dead letter in JSON.
type deadRecord struct {
	Call       string `json:"call"`
	Task       string `json:"task"`
	At         string `json:"at"`
	Deliveries int    `json:"deliveries"`
	Error      string `json:"error"`
	Bytes      int    `json:"bytes"`
	Payload    string `json:"payload"`
}

func recordOf(r cluster.RunInfo) runRecord {
	record := runRecord{
		Run: r.Name, Named: r.Named, Done: r.Succeeded, Failed: r.Failed, Cancelled: r.Cancelled, Dead: r.Dead, Waiting: r.Waiting,
	}
	if !r.Began.IsZero() {
		record.Began = r.Began.Format(time.RFC3339)
	}
	if r.Keep > 0 {
		record.KeepFor = r.Keep.String()
	}
	return record
}

func recordOfDead(l cluster.DeadLetter) deadRecord {
	return deadRecord{
		Call: l.Call, Task: l.Task, At: l.At.UTC().Format(time.RFC3339), Deliveries: l.Deliveries, Error: l.Reason,
		Bytes: len(l.Message), Payload: printable(l),
	}
}

// printable is what of a letter's payload can be read: its arguments, or the whole message.
func printable(l cluster.DeadLetter) string {
	payload := l.Message
	if len(l.Args) > 0 {
		payload = nil
		for i, arg := range l.Args {
			if i > 0 {
				payload = append(payload, ' ')
			}
			payload = append(payload, arg...)
		}
	}
	var b strings.Builder
	for n := 0; len(payload) > 0; n++ {
		r, size := utf8.DecodeRune(payload)
		payload = payload[size:]
		switch {
		case n == shownOfPayload:
			return b.String() + "…"
		case r == utf8.RuneError && size == 1, harmless(string(r)) != string(r):
			b.WriteByte('.')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func jsonLines[T any](out io.Writer, records []T) error {
	w := json.NewEncoder(out)
	w.SetEscapeHTML(false)
	for _, r := range records {
		if err := w.Encode(r); err != nil {
			return outputFault(err)
		}
	}
	return nil
}

// list prints a line a run.
func (f *runsFlags) list(out io.Writer, runs []cluster.RunInfo) error {
	if f.json {
		records := make([]runRecord, 0, len(runs))
		for _, r := range runs {
			records = append(records, recordOf(r))
		}
		return jsonLines(out, records)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tBEGAN\tAGE\tKEPT FOR\tDONE\tFAILED\tCANCELLED\tDEAD\tWAITING")
	for _, r := range runs {
		began, age, keep := "-", "-", "-"
		if !r.Began.IsZero() {
			began, age = r.Began.Local().Format(time.DateTime), ageOf(r.Began)
		}
		if r.Keep > 0 {
			keep = days(r.Keep)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", harmless(r.Name), began, age, keep, r.Succeeded, r.Failed, r.Cancelled, r.Dead, r.Waiting)
	}
	if err := w.Flush(); err != nil {
		return outputFault(err)
	}
	return nil
}

// showRun prints all that is known of a run.
func (f *runsFlags) showRun(out io.Writer, r cluster.RunInfo, letters []cluster.DeadLetter) error {
	if f.json {
		record := recordOf(r)
		for _, l := range letters {
			record.DeadLetters = append(record.DeadLetters, recordOfDead(l))
		}
		return jsonLines(out, []runRecord{record})
	}
	if err := f.list(out, []cluster.RunInfo{r}); err != nil || len(letters) == 0 {
		return err
	}
	fmt.Fprintln(out)
	return f.listDead(out, letters)
}

// listDead prints a line a dead letter, and one below it with what was sent.
func (f *runsFlags) listDead(out io.Writer, letters []cluster.DeadLetter) error {
	if f.json {
		records := make([]deadRecord, 0, len(letters))
		for _, l := range letters {
			records = append(records, recordOfDead(l))
		}
		return jsonLines(out, records)
	}
	for _, l := range letters {
		_, err := fmt.Fprintf(out, "dead %s: %s, %s, deliveries %d: %s\n  %d bytes: %s\n", harmless(l.Call), harmless(l.Task),
			l.At.Local().Format(time.DateTime), l.Deliveries, harmless(withoutPackages(l.Reason)), len(l.Message), printable(l))
		if err != nil {
			return outputFault(err)
		}
	}
	return nil
}

func ageOf(t time.Time) string { return days(max(0, time.Since(t)).Round(time.Second)) }

// days writes a long time in days.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.String()
	}
	return fmt.Sprintf("%.4gd", d.Hours()/24)
}
