package main

import (
	"context"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]error{
		"0": nil, "20": nil, "+5": nil, "007": nil, "10000000": nil, "-0": nil,
		"-1": errNegative, "-5.5": errNegative, "-99999999999999999999": errNegative, "-1e999": errNegative,
		"2.5": errFraction, "5.0": errFraction, "1e3": errFraction, "1_000": errFraction, "0x10": errNoNumber,
		"10000001": errTooLarge, "9223372036854775808": errTooLarge,
		"": errNoNumber, "-": errNoNumber, "five": errNoNumber, "5!": errNoNumber, "5 6": errNoNumber, "nan": errNoNumber, "inf": errNoNumber,
		"-inf": errNoNumber, "٥": errNoNumber,
	} {
		if _, err := parseNumber(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, text := range []string{"5", "-5", "5.5", "1e9", "0x1p-2", "10000001", "99999999999999999999", "٥", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNumber(text)
		if err != nil {
			if n != 0 {
				t.Errorf("%q: %d beside %v", text, n, err)
			}
			return
		}
		if n < 0 || n > maxFact {
			t.Errorf("%q is taken for %d", text, n)
		}
		written, signed := strings.TrimLeft(text, "+-"), len(text) > 0 && (text[0] == '+' || text[0] == '-')
		written = strings.TrimLeft(written, "0")
		if want := strings.TrimPrefix(strconv.Itoa(n), "0"); written != want {
			t.Errorf("%q is taken for %d (signed: %v)", text, n, signed)
		}
	})
}

func TestWrongNumberIsShortened(t *testing.T) {
	_, err := input{text: strings.Repeat("x", 100_000), list: "l", line: 3}.number()
	if err == nil || len(err.Error()) > 300 || !strings.HasPrefix(err.Error(), `line 3 of l: "xxx`) {
		t.Errorf("error %.400v", err)
	}
}

func TestDigitsOfIsNeverLess(t *testing.T) {
	for n := range 3000 {
		f, err := factorial(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := digitsOf(n), len(f.Append(nil, 10)); got < want || got > want+2 {
			t.Errorf("%d! has %d digits, not about %d", n, want, got)
		}
	}
	if got := digitsOf(maxFact); got < 65_657_060 || got > 65_657_070 { // OEIS A061010
		t.Errorf("%d! has about %d digits", maxFact, got)
	}
}

func TestLinesHaveTheRoomThatTheyNeed(t *testing.T) {
	f := new(big.Int).MulRange(1, 5000)
	for name, line := range lineOfFormat {
		if b := line(5000, f, nil); cap(b) > len(b)+64 {
			t.Errorf("%s: %d bytes in a slice of %d", name, len(b), cap(b))
		}
	}
}

func TestFlightLetsLargeNumbersInOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(2)
		for range 2 { // as many as there must be, however large
			if !f.start(t.Context(), maxFact) {
				t.Fatal("no room for the first")
			}
		}
		var third bool
		go func() { third = f.start(t.Context(), 5) }()
		synctest.Wait()
		if third {
			t.Error("a third while two large ones are under way")
		}
		f.land(maxFact)
		synctest.Wait()
		if !third {
			t.Error("no third when one has landed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if f.start(ctx, 5) {
			t.Error("a fourth under a ctx that has ended")
		}
		for _, want := range []int{maxFact, maxFact, 5} {
			if n, ok := f.next(); !ok || n != want {
				t.Errorf("%d, %v; want %d", n, ok, want)
			}
		}
		if _, ok := f.next(); ok {
			t.Error("a number that was not started")
		}
	})
}

func TestFlightLetsManySmallNumbersIn(t *testing.T) {
	f := newFlight(2)
	for range 10_000 {
		if !f.tryStart(20) {
			t.Fatal("no room for a small number")
		}
	}
}
