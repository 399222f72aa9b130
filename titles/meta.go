package titles

import (
	"bytes"
	"html"
	"strings"
)

// metaSearch watches the tags of a page for the charset that it names. It looks as far as browsers do: through the whole head, and
// at least through the first 1,024 bytes.
type metaSearch struct {
	charset  charset // found, if it has a name
	done     bool
	leftHead bool
}

const (
	metaAtLeast = 1024
	metaAtMost  = 64 << 10 // behind a title that stands in a head without an end
)

// searching reports whether the next tag could still name a charset that counts.
func (m *metaSearch) searching(consumed int) bool { return !m.done && consumed < metaAtMost }

// start sees every start tag. A page that names a charset in which '<' may be half of a character is decoded from there on.
func (m *metaSearch) start(name []byte, attrs *attributes, src *source) {
	if m.done {
		return
	}
	switch string(name) {
	case "meta":
		if cs, ok := metaCharset(attrs); ok {
			m.charset, m.done = cs, true
			if cs.name == iso2022JP {
				src.transcode(cs)
			}
		}
	case "html", "head", "script", "noscript", "style", "link", "object", "title", "base":
	default:
		m.leftHead = true
	}
	m.done = m.done || m.leftHead && src.consumed() >= metaAtLeast
}

// end sees every end tag that is not the end of raw text.
func (m *metaSearch) end(name []byte) {
	switch string(name) {
	case "script", "noscript", "style", "link", "meta", "object", "title", "base":
	default:
		m.leftHead = true
	}
}

// metaCharset reads <meta charset=…> and <meta http-equiv=content-type content="…charset=…">. A charset nobody knows names nothing.
func metaCharset(attrs *attributes) (charset, bool) {
	label, ok := attrs.get("charset")
	if !ok {
		equiv, _ := attrs.get("http-equiv")
		if !strings.EqualFold(html.UnescapeString(equiv), "content-type") {
			return charset{}, false
		}
		content, _ := attrs.get("content")
		label = charsetParameter(html.UnescapeString(content))
	}
	return labelInPage(html.UnescapeString(label))
}

// labelInPage looks up a label that stands in the page itself. As it could be read, the page is not in UTF-16 whatever it says.
func labelInPage(label string) (charset, bool) {
	cs, ok := lookup(label)
	switch cs.name {
	case "utf-16le", "utf-16be":
		return utf8Charset, true
	case "x-user-defined":
		return windows1252, true
	}
	return cs, ok
}

// xmlDeclaration returns the encoding named in an XML declaration, if the page begins with one.
func (s *source) xmlDeclaration() (charset, bool) {
	const begin, longest = "<?xml", 1024
	n := len(begin)
	if string(s.peek(n)) != begin {
		return charset{}, false
	}
	for bytes.IndexByte(s.peek(n), '>') < 0 {
		if n++; n > longest || len(s.peek(n)) < n {
			return charset{}, false
		}
	}
	_, value, _ := strings.Cut(string(s.peek(n)), "encoding")
	value, _ = strings.CutPrefix(strings.TrimSpace(value), "=")
	value = strings.TrimSpace(value)
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return charset{}, false
	}
	label, _, _ := strings.Cut(value[1:], value[:1])
	return labelInPage(label)
}
