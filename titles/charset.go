package titles

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// A charset is an encoding under the name that the Encoding standard gives it.
type charset struct {
	name string
	enc  encoding.Encoding
}

const iso2022JP = "iso-2022-jp"

var (
	utf8Charset    = charset{"utf-8", unicode.UTF8}
	utf16LE        = charset{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	utf16BE        = charset{"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
	windows1252    = charset{"windows-1252", charmap.Windows1252}
	iso2022Charset = charset{iso2022JP, japanese.ISO2022JP}
)

// lookup finds a charset by any of its labels.
func lookup(label string) (charset, bool) {
	enc, err := htmlindex.Get(strings.Trim(label, " \t\r\n\f"))
	if err != nil {
		return charset{}, false
	}
	name, err := htmlindex.Name(enc)
	if err != nil {
		return charset{}, false
	}
	switch name {
	case "utf-8":
		return utf8Charset, true
	case "gbk": // pages that say gbk are decoded as its superset, by the standard
		enc = simplifiedchinese.GB18030
	}
	return charset{name, enc}, true
}

// charsetParameter returns the charset in a media type, "" if there is none. It reads what servers and pages really send:
// `text/html; charset = "koi8-r"`, `text/html;charset=koi8-r;x=y`, `text/html; charset=koi8-r, text/html`. The first one counts.
func charsetParameter(s string) string {
	for rest := s; ; {
		i := indexFold(rest, "charset")
		if i < 0 {
			return ""
		}
		rest = strings.TrimLeft(rest[i+len("charset"):], " \t\r\n\f")
		value, ok := strings.CutPrefix(rest, "=")
		if !ok {
			continue
		}
		value = strings.TrimLeft(value, " \t\r\n\f")
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			value, _, _ = strings.Cut(value[1:], value[:1])
			return value
		}
		if end := strings.IndexAny(value, " \t\r\n\f;,"); end >= 0 {
			value = value[:end]
		}
		return value
	}
}

// indexFold is strings.Index for a name in lower-case ASCII, in any case.
func indexFold(s, name string) int {
	for i := range len(s) - len(name) + 1 {
		if lower(s[i]) == name[0] && equalFold([]byte(s[i:i+len(name)]), name) {
			return i
		}
	}
	return -1
}

// byteOrderMark consumes one. A page in UTF-16 that begins with a tag is known without it.
func (s *source) byteOrderMark() (charset, bool) {
	start := s.peek(4)
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		s.pos += 3
		return utf8Charset, true
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		s.pos += 2
		return utf16LE, true
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		s.pos += 2
		return utf16BE, true
	case len(start) == 4 && start[0] == '<' && start[1] == 0 && start[2] != 0 && start[3] == 0:
		return utf16LE, true
	case len(start) == 4 && start[0] == 0 && start[1] == '<' && start[2] == 0 && start[3] != 0:
		return utf16BE, true
	}
	return charset{}, false
}

// isASCIISuperset reports whether markup can be found in the raw bytes of pages in cs.
func (cs charset) isASCIISuperset() bool {
	switch cs.name {
	case "utf-16le", "utf-16be", iso2022JP, "replacement":
		return false
	}
	return true
}

// transcode makes what was not consumed yet, and all that follows, UTF-8.
func (s *source) transcode(cs charset) {
	rest := bytes.Clone(s.buf[s.pos:])
	s.buf = s.buf[:s.pos]
	tail := s.r
	if s.err != nil {
		tail = endedReader{s.err}
		s.err = nil
	}
	s.r = transform.NewReader(io.MultiReader(bytes.NewReader(rest), tail), cs.enc.NewDecoder())
}

// endedReader repeats the error that a reader has ended with.
type endedReader struct{ err error }

func (r endedReader) Read([]byte) (int, error) { return 0, r.err }

// decode never fails: what cannot be decoded becomes U+FFFD.
func (cs charset) decode(raw []byte) string {
	if table, ok := cs.enc.(*charmap.Charmap); ok {
		return decodeBytewise(table, raw)
	}
	decoded, err := cs.enc.NewDecoder().Bytes(raw)
	if err != nil {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	return string(decoded)
}

// decodeBytewise differs from the table's decoder in one point: bytes that a Windows charset leaves open are the C1 controls that
// browsers take them for, so that "a\x81b" is two words and no damage.
func decodeBytewise(table *charmap.Charmap, raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		r := table.DecodeByte(c)
		if r == '\uFFFD' && 0x80 <= c && c < 0xA0 {
			r = rune(c)
		}
		b.WriteRune(r)
	}
	return b.String()
}
