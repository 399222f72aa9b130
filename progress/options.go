package progress

import (
	"fmt"
	"io"
	"os"
	"time"
)

// settings are what options change.
type settings struct {
	output  io.Writer
	columns int // none given: fromTerminal
	always  bool
	clock   func() time.Time // nil: time.Now
	words
}

// fromTerminal stands for columns that are looked up each time.
const fromTerminal = -1

func newSettings(opts []Option) settings {
	s := settings{output: os.Stderr, columns: fromTerminal, words: words{unit: "it"}}
	for _, o := range opts {
		o.apply(&s)
	}
	return s
}

// Option changes a bar; see New, Seq and Seq2. What is said here holds for all of them: making and using one does not block
// and gives no error, save a panic where the argument is wrong, and one may be used for any number of bars at once.
type Option interface{ apply(s *settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// Output says where the bar is drawn (os.Stderr). Each frame is one Write, and a Write ends before the next begins; it may
// come from a goroutine of the bar, so whoever looks at what was written closes the bar first. Whether w is a terminal is
// asked of an *os.File alone; anything else is none. It panics if w is nil.
func Output(w io.Writer) Option {
	if w == nil {
		panic("potok/progress: Output of nil")
	}
	return optionFunc(func(s *settings) { s.output = w })
}

// Columns says how wide the line is (as wide as the terminal, and with a bar of ten blocks where there is none): the bar
// gets what the numbers leave, and what is too long is cut. With 0 there is no bar, only the numbers, of any length. It
// panics if n is negative.
func Columns(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("potok/progress: %d columns", n))
	}
	return optionFunc(func(s *settings) { s.columns = n })
}

// Prefix stands before the line, with a colon and a blank after it (none).
func Prefix(text string) Option {
	text = oneLine(text)
	return optionFunc(func(s *settings) { s.prefix = text })
}

// Postfix stands after the rate, with a comma and a blank before it (none).
func Postfix(text string) Option {
	text = oneLine(text)
	return optionFunc(func(s *settings) { s.postfix = text })
}

// Unit says what is counted ("it"), and how large numbers are shown: with a divisor of 0 or 1 in full; with another, 1000
// or 1024 say, to three digits with k, M, G … for each time that it divides them, as in "5.00M". Rates are always divided
// by 1000, as tqdm has it. It panics if divisor is negative.
func Unit(name string, divisor int) Option {
	if divisor < 0 {
		panic(fmt.Sprintf("potok/progress: a unit with divisor %d", divisor))
	}
	name = oneLine(name)
	return optionFunc(func(s *settings) { s.unit, s.divisor = name, divisor })
}

// Always has the bar drawn where the output is no terminal, too.
func Always() Option {
	return optionFunc(func(s *settings) { s.always = true })
}

// Clock says what time it is (time.Now), for tests. The bar then looks at nothing else: it sets no timer, asks now in
// every Add that counted enough, and does not draw by itself after 10 s. now is called by one goroutine at a time and
// must not use the bar. It panics if now is nil.
func Clock(now func() time.Time) Option {
	if now == nil {
		panic("potok/progress: a nil Clock")
	}
	return optionFunc(func(s *settings) { s.clock = now })
}
