package progress

import (
	"strings"
	"unicode/utf8"

	textwidth "golang.org/x/text/width"
)

// Widths are counted as tqdm counts them: two columns for what Unicode calls wide or fullwidth, one for all else. A
// terminal gives none to a combining mark or a joiner, so a line with such is a column or two short of the edge, never
// beyond it; we keep tqdm's line rather than that column.

func runeWidth(r rune) int {
	switch textwidth.LookupRune(r).Kind() {
	case textwidth.EastAsianWide, textwidth.EastAsianFullwidth:
		return 2
	}
	return 1
}

// width is how many columns s takes.
func width(s string) int {
	columns := 0
	for i := 0; i < len(s); {
		size, w := step(s[i:])
		i += size
		columns += w
	}
	return columns
}

const plain = "\x1b[0m" // ends all colours

// cut is as much of s as fits into columns, and ends the colours that it may have begun.
func cut(s string, columns int) string {
	used, coloured, end := 0, false, 0
	for end < len(s) {
		size, w := step(s[end:])
		if used+w > columns {
			break
		}
		coloured = coloured || w == 0
		used += w
		end += size
	}
	s = s[:end]
	if coloured && !strings.HasSuffix(s, plain) {
		s += plain
	}
	return s
}

// step is the length and the width of the first character of s, or of an escape sequence, the only thing of width 0.
func step(s string) (size, columns int) {
	if n := escape(s); n > 0 {
		return n, 0
	}
	r, size := utf8.DecodeRuneInString(s)
	return size, runeWidth(r)
}

// escape is the length of the sequence that s begins with, such as "\x1b[1;32m", and 0 if it begins with none.
func escape(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == ';':
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// oneLine is s as valid text that leaves the cursor in its line: control characters become blanks, except in sequences
// that colour.
func oneLine(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		size, columns := step(s[i:])
		part := s[i : i+size]
		i += size
		r, _ := utf8.DecodeRuneInString(part)
		switch {
		case columns == 0 && strings.HasSuffix(part, "m"):
			b.WriteString(part)
		case r < ' ', r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
