package cluster

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"
)

var (
	someCalls = &callMessage{
		kind: kindCalls, task: "titles.fetch", items: 2, timeout: time.Second, remains: time.Minute, keep: time.Hour, attempts: 3, after: 7,
		trace: "00-trace", ins: [][]byte{{1}, {}},
	}
	someChunk   = &callMessage{kind: kindChunk, task: "t", items: 100, ins: [][]byte{[]byte("array")}}
	someObject  = &callMessage{kind: kindCalls, task: "t", items: 1, object: "run/1/in"}
	someResults = &resultMessage{
		kind: kindResults, worker: "host/1", delivered: 2, ran: 5, items: 2, results: []result{{out: []byte("r")}, {out: []byte{}, failure: []byte("f")}},
	}
	someBegan  = &began{id: "A2", worker: "host/1", calls: []beganCall{{"1", 0}, {"z", 3}}}
	someWorker = &workerMessage{left: true, id: "id", name: "host/1", places: 8, tasks: []string{"a", "b"}}
	someEnd    = &endMessage{message: "1", index: 4, why: []byte("why")}
)

func TestMessagesComeBack(t *testing.T) {
	for _, m := range []*callMessage{someCalls, someChunk, someObject} {
		got, err := parseCall(m.bytes())
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v became %+v, %v", m, got, err)
		}
	}
	back := &callMessage{kind: kindCalls, items: 2}
	if err := back.parseIns(someCalls.appendIns(nil)); err != nil || !reflect.DeepEqual(back.ins, someCalls.ins) {
		t.Errorf("arguments of an object: %q, %v", back.ins, err)
	}
	r, err := parseResult(someResults.bytes())
	if err != nil || r.worker != "host/1" || r.delivered != 2 || len(r.results) != 2 || string(r.results[1].failure) != "f" {
		t.Errorf("%+v, %v", r, err)
	}
	b, err := parseBegan(someBegan.bytes())
	if err != nil || !reflect.DeepEqual(b, someBegan) {
		t.Errorf("%+v, %v", b, err)
	}
	w, err := parseWorker(someWorker.bytes())
	if err != nil || !reflect.DeepEqual(w, someWorker) {
		t.Errorf("%+v, %v", w, err)
	}
	for _, m := range []*endMessage{someEnd, {message: "1", all: true, index: 0, why: []byte("why")}} {
		if e, err := parseEnd(m.bytes()); err != nil || !reflect.DeepEqual(e, m) {
			t.Errorf("%+v became %+v, %v", m, e, err)
		}
	}
}

func TestMessagesThatMakeNoSense(t *testing.T) {
	whole := someCalls.bytes()
	for _, b := range [][]byte{
		nil,
		{protocol},
		{protocol + 1, kindCalls},
		{protocol, 'z'},
		whole[:len(whole)-1],
		append(bytes.Clone(whole), 0),
		(&callMessage{kind: kindCalls, task: "t"}).bytes(),
		(&callMessage{kind: kindCalls, task: "t", items: maxItems + 1}).bytes(),
	} {
		if m, err := parseCall(b); !errors.Is(err, errMessage) {
			t.Errorf("%q became %+v, %v", b, m, err)
		}
	}
}

// Whatever comes is refused or read, in little memory, and what is read can be written as it was.
func FuzzMessage(f *testing.F) {
	for _, b := range [][]byte{
		someCalls.bytes(), someChunk.bytes(), someObject.bytes(), someResults.bytes(), someBegan.bytes(),
		someWorker.bytes(), someEnd.bytes(),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again := func(other []byte) {
			if len(other) > len(b) { // numbers may be written in more bytes than they need, but not in less
				t.Errorf("%q is written as %q", b, other)
			}
		}
		if m, err := parseCall(b); err == nil {
			again(m.bytes())
		}
		if m, err := parseResult(b); err == nil {
			again(m.bytes())
		}
		if m, err := parseBegan(b); err == nil {
			again(m.bytes())
		}
		if m, err := parseWorker(b); err == nil {
			again(m.bytes())
		}
		if m, err := parseEnd(b); err == nil {
			again(m.bytes())
		}
	})
}

func TestTaskTokensAreSubjectsAndDiffer(t *testing.T) {
	for name, want := range map[string]string{
		"fetch": "fetch", "titles.fetch": "titles=2efetch", "a b*>": "a=20b=2a=3e", "=2e": "=3d2e", "ё": "=d1=91", "": "",
	} {
		if got, err := taskToken(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := taskToken(string(make([]byte, maxName))); !errors.Is(err, errTaskName) {
		t.Errorf("a long name: %v", err)
	}
}

func TestRunsHaveNames(t *testing.T) {
	for _, bad := range []string{"", "a.b", "a b", "*", ">", "ё", string(bytes.Repeat([]byte{'a'}, maxName+1))} {
		if checkRun(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
	if err := checkRun("2026-11_Crawl"); err != nil {
		t.Error(err)
	}
}

func TestEqualCallsHaveDifferentNamesThatAreAlwaysTheSame(t *testing.T) {
	names := func() (all []string) {
		b := newBook()
		for _, c := range []struct{ task, in string }{{"t", "1"}, {"t", "1"}, {"t", "2"}, {"u", "1"}, {"t1", ""}, {"t", "1"}} {
			all = append(all, b.next(c.task, []byte(c.in)).String())
		}
		return all
	}
	first := names()
	seen := make(map[string]bool)
	for _, n := range first {
		if h, ok := parseHash(n); seen[n] || !ok || h.String() != n {
			t.Errorf("%s is there twice, or cannot be read: %q", n, first)
		}
		seen[n] = true
	}
	if again := names(); !reflect.DeepEqual(first, again) {
		t.Errorf("%q, then %q", first, again)
	}
	for _, bad := range []string{"", "1", first[0] + "0", first[0][:31] + "x", first[0] + "-5"} {
		if _, ok := parseHash(bad); ok {
			t.Errorf("%q passes for a name", bad)
		}
	}
}
