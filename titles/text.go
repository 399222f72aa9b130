package titles

import (
	"html"
	"strings"
)

// cleanTitle makes of a title's decoded text what a browser shows as the document's title: references decoded, controls made spaces,
// runs of ASCII white space made one space, none at the ends. A no-break space is text.
func cleanTitle(text string, references bool) string {
	if references {
		text = html.UnescapeString(strings.ReplaceAll(text, "\x00", "\uFFFD"))
	}
	clean := true
	for i, r := range text {
		if isControl(r) || r == ' ' && (i == 0 || text[i-1] == ' ') {
			clean = false
			break
		}
	}
	if clean {
		return strings.TrimSuffix(text, " ")
	}
	var b strings.Builder
	b.Grow(len(text))
	space := false
	for _, r := range text {
		if r == ' ' || isControl(r) {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// isControl is true for C0 and C1. DEL is neither, and a browser keeps it.
func isControl(r rune) bool { return r < 0x20 || 0x80 <= r && r < 0xA0 }
