package progress

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var pages = words{unit: "it"}

func TestALineWithoutTotalIsCutToTheColumns(t *testing.T) {
	m := moment{count: 420, total: -1, elapsed: 3.2}
	for columns, want := range map[int]string{
		1: "4", 5: "420it", 20: "420it [00:03, 131.25", 26: "420it [00:03, 131.25it/s]", 80: "420it [00:03, 131.25it/s]",
	} {
		if got := pages.line(m, columns); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestAHugeTotalCanBeReached(t *testing.T) {
	for _, total := range []int64{1<<52 + 1, 1 << 60, 1<<63 - 1} {
		if got := pages.line(moment{count: total, total: total}, unknown); !strings.HasPrefix(got, "100%|██████████| ") {
			t.Error(got)
		}
	}
}

func TestTimesOfAnySizeAreShown(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "00:00", 0.99: "00:00", 59.99: "00:59", 60: "01:00", 3599: "59:59", 3600: "1:00:00", 360000: "100:00:00",
		-0.5: "00:00", -1: "-1:59:59", -3600: "-1:00:00", 1 << 52: "1250999896491:48:16",
	} {
		if got := interval(seconds); got != want {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
	if got := interval(1e28); len(got) != len("2777777777777777777777777:00:00") { // more than an int64 holds
		t.Errorf("1e28 s: %q", got)
	}
}

func TestAUnitWithoutADivisorIsNotScaled(t *testing.T) {
	for divisor, want := range map[int]string{0: "2048", 1: "2048", 1000: "2.05k", 1024: "2.00k"} {
		w := words{unit: "B", divisor: divisor}
		if got := w.line(moment{count: 2048, total: -1}, unknown); !strings.HasPrefix(got, want+"B ") {
			t.Errorf("divisor %d: %q", divisor, got)
		}
	}
}

func TestACutEndsColours(t *testing.T) {
	const red = "\x1b[31m"
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"plain", 3, "pla"},
		{red + "red", 2, red + "re" + plain},
		{red + "red" + plain, 3, red + "red" + plain},
		{"ab" + red + "cd", 2, "ab" + red + plain},
		{"ab" + red + "cd", 1, "a"},
		{"川の流れ", 5, "川の"},
		{"\x1b[1?", 3, "\x1b[1"}, // no sequence
	} {
		if got := cut(c.text, c.columns); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

func TestWidthsAreTqdms(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "titles": 6, "Заголовки": 9, "川の流れ": 8, "ｈａｌｆ": 8, "ﾊﾝｶｸ": 4, "한강": 4, "🌊": 2, "█▏": 2, "…": 1, "é": 1,
		"e\u0301": 2, "и\u0306": 2, // combining marks count, though a terminal gives them no column
		"か\u3099":             4, // and this one twice
		"\x1b[1;32mgo\x1b[0m": 2, "\x1b": 1, "\x1b[": 2, "\x1b[1": 3, "\x1b[1?": 4,
		"\xff\xfe": 2,
	} {
		if got := width(text); got != want {
			t.Errorf("%q is %d columns wide, want %d", text, got, want)
		}
	}
}

func TestWordsAroundTheBarAreOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"поток": "поток", "a\nb\r\tc": "a b  c", "\x1b[31mred\x1b[0m": "\x1b[31mred\x1b[0m", "\x1b[2Jx": " x",
		"bell\a": "bell ", "\xff": "\ufffd", "a\u2028b\u0085": "a b ",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add(int64(420), int64(1000), int64(3200*time.Millisecond), 131.25, 80, "titles", "failed=3", "it", 0)
	f.Add(int64(-1), int64(0), int64(-1), 0.0, 1, "川の流れ", "\x1b[31m", "B", 1024)
	f.Add(int64(1<<62), int64(1<<63-1), int64(1), 5e-324, 0, "и\u0306", "\n", "\x1b", 2)
	f.Fuzz(func(t *testing.T, n, total, elapsed int64, rate float64, columns int, prefix, postfix, unit string, divisor int) {
		columns = min(max(columns, -1), 1000)
		s := newSettings([]Option{Prefix(prefix), Postfix(postfix), Unit(unit, max(divisor, 0))})
		got := s.line(moment{n, total, time.Duration(elapsed).Seconds(), rate}, columns)
		if columns > 0 && width(got) > columns {
			t.Errorf("%d columns in %d: %q", width(got), columns, got)
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t") {
			t.Errorf("no line of text: %q", got)
		}
	})
}
