package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/potok-go/potok/internal/registry"
)

var (
	errKnown   = errors.New("wire: known")
	errUnknown = errors.New("wire: unknown")
)

// died is an error with data, as a package would register it.
type died struct {
	Worker string
	Code   int
	Stderr []byte
}

func (e *died) Error() string { return fmt.Sprintf("worker %s died with %d", e.Worker, e.Code) }

// unsent is an error whose data cannot be sent.
type unsent struct{ err error }

func (e *unsent) Error() string { return "unsent" }

func init() {
	registry.AddError("wire.known", errKnown)
	registry.AddErrorType("wire.died", func(e *died) died { return *e }, func(v died) *died { return &v })
	registry.AddErrorType("wire.unsent", func(e *unsent) struct{ Err error } { return struct{ Err error }{e.err} }, func(v struct{ Err error }) *unsent { return &unsent{v.Err} })
}

// crossError sends an error over.
func crossError(t testing.TB, err error) error {
	t.Helper()
	b := AppendError([]byte("before"), err)
	far, bad := DecodeError(b[len("before"):])
	if bad != nil || string(b[:6]) != "before" {
		t.Fatalf("%q: %v", b, bad)
	}
	return far
}

func TestErrorsKeepTextAndMatches(t *testing.T) {
	_, notThere := os.Open("/no/such/file")
	all := []error{errKnown, errUnknown, io.EOF, io.ErrUnexpectedEOF, fs.ErrNotExist, fs.ErrExist, context.Canceled, context.DeadlineExceeded}
	for _, err := range []error{
		errKnown,
		errUnknown,
		errors.New("\xff not UTF-8"),
		errors.New(""),
		notThere,
		fmt.Errorf("page 7: %w", fmt.Errorf("header: %w", io.ErrUnexpectedEOF)),
		errors.Join(errKnown, errUnknown, fs.ErrExist, context.Canceled),
		context.DeadlineExceeded,
	} {
		far := crossError(t, err)
		if far.Error() != err.Error() {
			t.Errorf("%q became %q", err, far)
		}
		for _, target := range all {
			if want := errors.Is(err, target) && target != errUnknown; errors.Is(far, target) != want {
				t.Errorf("%q: errors.Is(%q) is %t", err, target, !want)
			}
		}
		if again := crossError(t, far); again.Error() != err.Error() || !reflect.DeepEqual(registry.Codes(again), registry.Codes(far)) {
			t.Errorf("%q became %q on the second wire", far, again)
		}
	}
}

func TestAPermanentErrorStaysPermanent(t *testing.T) {
	for _, err := range []error{
		&registry.PermanentError{Err: errKnown},
		fmt.Errorf("no use: %w", &registry.PermanentError{Err: errKnown}),
	} {
		far := crossError(t, err)
		if _, ok := errors.AsType[*registry.PermanentError](far); !ok || far.Error() != err.Error() || !errors.Is(far, errKnown) {
			t.Errorf("%q became %q", err, far)
		}
	}
	if _, ok := errors.AsType[*registry.PermanentError](crossError(t, errKnown)); ok {
		t.Error("it became permanent")
	}
}

func TestErrorsOfRegisteredTypesKeepTheirData(t *testing.T) {
	d := &died{"w1", 137, []byte("out of memory")}
	far := crossError(t, errors.Join(fmt.Errorf("call 3: %w", d), errKnown, &unsent{errUnknown}))
	got, ok := errors.AsType[*died](far)
	if !ok || !reflect.DeepEqual(got, d) || !errors.Is(far, errKnown) {
		t.Errorf("%v became %#v", d, got)
	}
	if _, ok := errors.AsType[*unsent](far); ok || !strings.Contains(far.Error(), "unsent") {
		t.Errorf("what cannot be sent: %v", far)
	}
}

// Methods of an error that panic.
type (
	badError  struct{ p *int }
	badIs     struct{}
	badUnwrap struct{}
	badAs     struct{}
	opaque    struct{ err error }
)

func (*opaque) Error() string   { return "a nil inside" }
func (e *opaque) Unwrap() error { return e.err }

func (e *badError) Error() string   { return fmt.Sprint(*e.p) }
func (badIs) Error() string         { return "bad Is" }
func (badIs) Is(error) bool         { panic("no Is") }
func (badUnwrap) Error() string     { return "bad Unwrap" }
func (badUnwrap) Unwrap() error     { panic("no Unwrap") }
func (badAs) Error() string         { return "bad As" }
func (badAs) As(any) bool           { panic("no As") }
func (e *badError) Is(t error) bool { return t == errKnown }

func TestAnErrorWhoseMethodsPanicCrosses(t *testing.T) {
	for want, err := range map[string]error{
		"*wire.badError, whose Error panics: runtime error: invalid memory address or nil pointer dereference": (*badError)(nil),
		"bad Is":       badIs{},
		"bad Unwrap":   badUnwrap{},
		"bad As":       badAs{},
		"a nil inside": &opaque{(*died)(nil)},
	} {
		far := crossError(t, err)
		if far.Error() != want {
			t.Errorf("%T became %q", err, far)
		}
	}
	// One that panics does not take the matches of those beside it along.
	if far := crossError(t, &registry.PermanentError{Err: errors.Join(errKnown, badIs{})}); !errors.Is(far, errKnown) {
		t.Errorf("%v matches nothing any more", far)
	}
	if far := crossError(t, (*badError)(nil)); !errors.Is(far, errKnown) {
		t.Error("an error whose text cannot be had matches no more")
	}
}

func TestWhatAppendErrorDidNotWriteIsRefused(t *testing.T) {
	n, raw := 1, []byte("abc")
	number, _ := Append(nil, &n)
	bytes, _ := Append(nil, &raw)
	badData := marshalFrame(t, errorFrame{Typed: []typedFrame{{"wire.died", []byte{Version, codecCBOR, 0x61, 'a'}}}})
	for _, b := range [][]byte{nil, number, bytes, {Version, codecCBOR, 0xa1}, badData} {
		if far, err := DecodeError(b); err == nil || far != nil || !strings.HasPrefix(err.Error(), "potok: ") {
			t.Errorf("% x: %v, %v", b, far, err)
		}
	}
	// What only the other side knows is no reason to lose the rest.
	b := marshalFrame(t, errorFrame{Text: "a", Codes: []string{"wire.new", "wire.known"}, Typed: []typedFrame{{"wire.newer", []byte{1}}}})
	if far, err := DecodeError(b); err != nil || far.Error() != "a" || !errors.Is(far, errKnown) {
		t.Errorf("%v, %v", far, err)
	}
}

func marshalFrame(t *testing.T, f errorFrame) []byte {
	b, err := marshal([]byte{Version, codecCBOR}, &f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
