package progress

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// words are what stands around the numbers; each is one line of valid text.
type words struct {
	prefix, postfix, unit string
	divisor               int // 0 and 1: numbers in full
}

// A moment is what the numbers say.
type moment struct {
	count   int64
	total   int64   // < 0: unknown
	elapsed float64 // seconds
	rate    float64 // a second; 0: as in all the time that elapsed
}

const (
	shortBar = 10 // blocks, when the width is not known
	unknown  = -1 // columns
)

// line is tqdm's line for a moment. columns is how wide it is, 0 for no bar and no limit, unknown for a short bar and no
// limit.
func (w *words) line(m moment, columns int) string {
	rate := m.rate
	if rate == 0 && m.elapsed != 0 {
		rate = float64(m.count) / m.elapsed
	}
	speed := w.speed(rate)
	if w.postfix != "" {
		speed += ", " + w.postfix
	}
	if m.total <= 0 || m.count > m.total { // more than there are: the total was wrong
		s := w.number(m.count) + w.unit + " [" + interval(m.elapsed) + ", " + speed + "]"
		if w.prefix != "" {
			s = w.prefix + ": " + s
		}
		if columns > 0 && width(s) > columns {
			s = cut(s, columns)
		}
		return s
	}

	done := float64(m.count) / float64(m.total)
	left := fmt.Sprintf("%3.0f%%", done*100)
	switch {
	case strings.HasSuffix(w.prefix, ": "):
		left = w.prefix + left
	case w.prefix != "":
		left = w.prefix + ": " + left
	}
	remaining := "?"
	if rate != 0 {
		remaining = interval((float64(m.total) - float64(m.count)) / rate)
	}
	right := fmt.Sprintf(" %s/%s [%s<%s, %s]", w.number(m.count), w.number(m.total), interval(m.elapsed), remaining, speed)
	switch {
	case columns == 0:
		return left + right
	case columns < 0:
		return left + "|" + bar(done, shortBar) + "|" + right
	}
	blocks := max(1, columns-width(left)-width(right)-2)
	return cut(left+"|"+bar(done, blocks)+"|"+right, columns)
}

// eighths of a block, from the left.
var eighths = []string{" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar fills done, 0 to 1, of a number of blocks.
func bar(done float64, blocks int) string {
	filled := int(min(max(done, 0), 1) * float64(blocks) * 8)
	whole := filled / 8
	if whole == blocks {
		return strings.Repeat("█", whole)
	}
	return strings.Repeat("█", whole) + eighths[filled%8] + strings.Repeat(" ", blocks-whole-1)
}

// number is a count in full or, with a divisor, scaled.
func (w *words) number(n int64) string {
	if !w.scaled() {
		return strconv.FormatInt(n, 10)
	}
	return scale(float64(n), float64(w.divisor))
}

func (w *words) scaled() bool { return w.divisor > 1 }

// speed is a rate a second or, below one, seconds for one.
func (w *words) speed(rate float64) string {
	if rate == 0 {
		return "?" + w.unit + "/s"
	}
	figure := func(x float64) string {
		if w.scaled() {
			return scale(x, 1000)
		}
		return fmt.Sprintf("%5.2f", x)
	}
	if inverse := 1 / rate; inverse > 1 {
		return figure(inverse) + "s/" + w.unit
	}
	return figure(rate) + w.unit + "/s"
}

// scale is three digits of x and how often it was divided.
func scale(x, divisor float64) string {
	for _, letter := range []string{"", "k", "M", "G", "T", "P", "E", "Z"} {
		switch size := math.Abs(x); { // the bounds are where rounding adds a digit
		case size < 9.995:
			return fmt.Sprintf("%.2f", x) + letter
		case size < 99.95:
			return fmt.Sprintf("%.1f", x) + letter
		case size < 999.5:
			return fmt.Sprintf("%.0f", x) + letter
		}
		x /= divisor
	}
	return fmt.Sprintf("%.1fY", x)
}

// interval is a number of seconds as a clock shows it, in floats because they may be more than an int64 holds.
func interval(seconds float64) string {
	seconds = math.Trunc(seconds)
	s := math.Mod(seconds, 60)
	if s < 0 {
		s += 60 // a negative time is so many minutes less, and the seconds count up
	}
	minutes := (seconds - s) / 60
	m := math.Mod(minutes, 60)
	if m < 0 {
		m += 60
	}
	hours := (minutes - m) / 60
	if hours != 0 {
		return fmt.Sprintf("%.0f:%02d:%02d", hours, int(m), int(s))
	}
	return fmt.Sprintf("%02d:%02d", int(m), int(s))
}
