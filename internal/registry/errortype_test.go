package registry

import (
	"errors"
	"fmt"
	"testing"
)

type lost struct{ Worker string }

func (e *lost) Error() string { return "lost " + e.Worker }

var runs int // of the test: what is registered stays

func TestAnErrorTypeIsFoundAndMadeAnew(t *testing.T) {
	runs++
	code := fmt.Sprint("registry.lost.", runs)
	add := func(code string) {
		AddErrorType(code, func(e *lost) string { return e.Worker }, func(w string) *lost { return &lost{w} })
	}
	add(code)
	typ := ErrorTypeOf(code)
	if typ == nil || ErrorTypeOf("registry.found") != nil {
		t.Fatal("not found by its code")
	}
	if _, ok := typ.Find(errors.New("another")); ok {
		t.Error("found in another error")
	}
	v, ok := typ.Find(fmt.Errorf("page 7: %w", &lost{"w1"}))
	if !ok || *v.(*string) != "w1" {
		t.Errorf("found %v, %t", v, ok)
	}
	*typ.New().(*string) = "elsewhere" // each has its own
	if err, ok := errors.AsType[*lost](typ.Error(v)); !ok || err.Worker != "w1" {
		t.Errorf("made %v", err)
	}
	for _, code := range []string{"", code} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("code %q was taken", code)
				}
			}()
			add(code)
		}()
	}
}
