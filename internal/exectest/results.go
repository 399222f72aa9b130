package exectest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/potok-go/potok"
)

var resultRules = []rule{
	{name: "a result comes back", run: func(e *env) {
		ex := e.executor(2)
		gives(e, echoInt.Submit(e.background, ex, 42), 42)
		gives(e, echoText.Submit(e.background, ex, "žluťoučký\x00\n\"<&>"), "žluťoučký\x00\n\"<&>")
		gives(e, nothing.Submit(e.background, ex, struct{}{}), struct{}{})
	}},
	{name: "numbers come back whole", run: func(e *env) {
		ex := e.executor(1)
		for _, n := range []int{0, -1, math.MaxInt, math.MinInt, 1<<53 + 1} {
			gives(e, echoInt.Submit(e.background, ex, n), n)
		}
	}},
	{name: "nil and empty slices, maps and pointers come back as they are", run: emptyValues},
	{name: "values of every kind come back equal", run: everyKind},
	{name: "a megabyte comes back", where: outside, run: func(e *env) {
		ex := e.executor(2)
		big := bytes.Repeat([]byte("potok\x00\xff\n"), 1<<20/8)
		if v, err := result(e, echoBytes.Submit(e.background, ex, big)); err != nil || !bytes.Equal(v, big) {
			e.Errorf("%d bytes and %v for %d bytes", len(v), err, len(big))
		}
	}},
	{name: "a megabyte goes there and a number comes back", where: outside, run: func(e *env) {
		gives(e, length.Submit(e.background, e.executor(1), make([]byte, 1<<20)), 1<<20)
	}},
	{name: "a number goes there and a megabyte comes back", where: outside, run: func(e *env) {
		v, err := result(e, zeros.Submit(e.background, e.executor(1), 1<<20))
		if err != nil || !bytes.Equal(v, make([]byte, 1<<20)) {
			e.Errorf("%d bytes and %v", len(v), err)
		}
	}},
	{name: "the value beside an error comes back", run: func(e *env) {
		f := act.Submit(e.background, e.executor(1), script{Fail: "registered", Value: 7})
		v, err := result(e, f)
		fails(e, f, errRegistered)
		if v != 7 {
			e.Errorf("value %d beside %v, want 7", v, err)
		}
	}},
	{name: "an outcome is the same every time it is asked for", run: func(e *env) {
		f := act.Submit(e.background, e.executor(1), script{Fail: "unknown"})
		_, first := result(e, f)
		_, second := result(e, f)
		if first != second { //nolint:errorlint // the same value is the promise
			e.Errorf("%v, then %v", first, second)
		}
	}},
	{name: "an argument is shared", needs: sharesMemory, run: func(e *env) {
		v := []int{1}
		gives(e, fill.Submit(e.background, e.executor(1), v), 2)
		equal(e, "the caller's slice", v[0], 2)
	}},
	{name: "an argument is copied", needs: copies, run: func(e *env) {
		v := []int{1}
		gives(e, fill.Submit(e.background, e.executor(1), v), 2)
		equal(e, "the caller's slice", v[0], 1)
	}},
	{name: "a retried call gets its argument anew where it is copied", needs: copies, run: func(e *env) {
		f := spoil.With(potok.Retry(3, 0, 0)).Submit(e.background, e.executor(1), spoiled{Probe: e.probe().name, V: []int{5}})
		gives(e, f, 5)
	}},
	{name: "a settled future wins over a ctx that has ended", run: func(e *env) {
		f := echoInt.Submit(e.background, e.executor(1), 3)
		gives(e, f, 3)
		if v, err := f.Result(ended(errUnknown)); v != 3 || err != nil {
			e.Errorf("got %d, %v", v, err)
		}
	}},
	{name: "giving up waiting changes nothing", run: func(e *env) {
		p := e.probe()
		f := act.Submit(e.background, e.executor(1), script{Probe: p.name, Label: "a", Door: "d", Value: 1})
		p.noted(1, "+a")
		v, err := f.Result(ended(errUnknown))
		e.matches(err, context.Canceled, errUnknown)
		equal(e, "value", v, 0)
		equal(e, "state", f.State(), potok.Running)
		p.open("d")
		gives(e, f, 1)
	}},
	{name: "a future goes from pending to running to succeeded", run: states},
	{name: "Done is closed when the call has settled", run: func(e *env) {
		p := e.probe()
		f := act.Submit(e.background, e.executor(1), script{Probe: p.name, Door: "d"})
		done := f.Done()
		e.stillBlocked("Done", done)
		p.open("d")
		e.finishes("Done", done)
		equal(e, "state", f.State(), potok.Succeeded)
	}},
	{name: "SubmitAll returns the futures in the order of the arguments", run: func(e *env) {
		ex := e.executor(3)
		in := make([]int, 500)
		for i := range in {
			in[i] = i
		}
		fs := echoInt.SubmitAll(e.background, ex, in)
		got, err := potok.Gather(e.bounded, fs...)
		if err != nil || !slices.Equal(got, in) {
			e.Errorf("got %v, %v", got, err)
		}
		if fs := echoInt.SubmitAll(e.background, ex, nil); len(fs) != 0 {
			e.Errorf("%d futures for no arguments", len(fs))
		}
	}},
	{name: "SubmitAll settles each call on its own", run: func(e *env) {
		fs := act.SubmitAll(e.background, e.executor(2), []script{{Value: 1}, {Fail: "io.EOF", Value: 2}, {Fail: "panic text"}, {Value: 4}})
		gives(e, fs[0], 1)
		fails(e, fs[1])
		fails(e, fs[2])
		gives(e, fs[3], 4)
	}},
	{name: "futures of an executor can be waited for together", run: together},
	{name: "Then goes on with the result", run: func(e *env) {
		ex := e.executor(1)
		plus := func(_ context.Context, n int) (string, error) { return fmt.Sprint(n + 1), nil }
		gives(e, potok.Then(echoInt.Submit(e.background, ex, 1), plus), "2")
		fails(e, potok.Then(act.Submit(e.background, ex, script{Fail: "registered"}), plus), errRegistered)
	}},
}

func emptyValues(e *env) {
	ex := e.executor(1)
	for _, v := range [][]int{nil, {}, {0}, {1, 2}} {
		got, err := result(e, echoInts.Submit(e.background, ex, v))
		if err != nil || !slices.Equal(got, v) || (got == nil) != (v == nil) {
			e.Errorf("%#v became %#v, %v", v, got, err)
		}
	}
	for _, v := range [][]byte{nil, {}, {0}} {
		got, err := result(e, echoBytes.Submit(e.background, ex, v))
		if err != nil || !bytes.Equal(got, v) || (got == nil) != (v == nil) {
			e.Errorf("%#v became %#v, %v", v, got, err)
		}
	}
	for _, v := range []map[string]int{nil, {}, {"": 0}} {
		got, err := result(e, echoMap.Submit(e.background, ex, v))
		if err != nil || !reflect.DeepEqual(got, v) {
			e.Errorf("%#v became %#v, %v", v, got, err)
		}
	}
	for _, v := range []*inner{nil, {}, {Name: "a", Next: &inner{}}} {
		got, err := result(e, echoInner.Submit(e.background, ex, v))
		if err != nil || !reflect.DeepEqual(got, v) {
			e.Errorf("%#v became %#v, %v", v, got, err)
		}
	}
}

func everyKind(e *env) {
	ex := e.executor(1)
	huge := new(big.Int).Exp(big.NewInt(-7), big.NewInt(2001), nil)
	if got, err := result(e, echoBig.Submit(e.background, ex, huge)); err != nil || got.Cmp(huge) != 0 {
		e.Errorf("a number of %d bits became %v, %v", huge.BitLen(), got, err)
	}
	moment := time.Date(1969, time.July, 20, 20, 17, 40, 123456789, time.FixedZone("", 3600))
	if got, err := result(e, echoTime.Submit(e.background, ex, moment)); err != nil || !got.Equal(moment) {
		e.Errorf("%v became %v, %v", moment, got, err)
	}
	if got, err := result(e, echoTime.Submit(e.background, ex, time.Time{})); err != nil || !got.IsZero() {
		e.Errorf("the zero time became %v, %v", got, err)
	}
	full := record{
		Bool: true, Int: math.MinInt64, Uint: math.MaxUint64, Float: math.Pi, Text: "строка", Bytes: []byte{0, 255},
		Ints: []int{3, 2, 1}, Array: [3]int8{-128, 0, 127}, Nested: inner{"n", &inner{Name: "deep"}}, Pointer: &inner{Name: "p"},
		List: []inner{{Name: "l"}, {}}, Map: map[string]int{"a": 1, "": -1}, ByInt: map[int][]string{-1: nil, 2: {"x"}},
		Big: huge, Time: moment.UTC(), Span: time.Hour,
	}
	for _, v := range []record{{Time: time.Time{}.UTC()}, full} {
		got, err := result(e, echoRecord.Submit(e.background, ex, v))
		if err != nil || !reflect.DeepEqual(got, v) {
			e.Errorf("%+v became %+v, %v", v, got, err)
		}
	}
}

func states(e *env) {
	ex := e.executor(1)
	p := e.probe()
	first := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d"})
	second := act.Submit(e.background, ex, script{Value: 2})
	p.noted(1, "+a")
	equal(e, "first", first.State(), potok.Running)
	equal(e, "first", first.String(), "Future(running)")
	equal(e, "second", second.State(), potok.Pending)
	equal(e, "second", second.String(), "Future(pending)")
	p.open("d")
	gives(e, second, 2)
	gives(e, first, 0)
	equal(e, "second", second.String(), "Future(succeeded int)")
}

func together(e *env) {
	ex := e.executor(3)
	p := e.probe()
	slow := act.Submit(e.background, ex, script{Probe: p.name, Label: "slow", Door: "d", Value: 1})
	quick := act.Submit(e.background, ex, script{Value: 2})
	p.noted(1, "+slow")
	done, pending, err := potok.Wait(e.bounded, potok.FirstDone, slow, quick)
	if err != nil || len(done) != 1 || done[0] != quick || len(pending) != 1 {
		e.Errorf("FirstDone: %v, %v, %v", done, pending, err)
	}
	bad := act.Submit(e.background, ex, script{Fail: "io.EOF"})
	done, pending, err = potok.Wait(e.bounded, potok.FirstError, slow, bad)
	if err != nil || len(done) != 1 || done[0] != bad || len(pending) != 1 {
		e.Errorf("FirstError: %v, %v, %v", done, pending, err)
	}
	var order []*potok.Future[int]
	for f, err := range potok.AsCompleted(e.bounded, slow, quick) {
		if err != nil {
			e.Fatal(err)
		}
		order = append(order, f)
		p.open("d")
	}
	if !slices.Equal(order, []*potok.Future[int]{quick, slow}) {
		e.Error("AsCompleted: not in the order of settling")
	}
}
