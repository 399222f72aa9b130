package titles

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// ErrNoTitle says that a page was read to its end and has no title element that counts, or is of a type that has none.
var ErrNoTitle = errors.New("potok: no title")

// Extract reads a page from r as far as its title needs and returns that title, and the charset that it was decoded by under the
// name that the Encoding standard gives it.
//
// contentType is the Content-Type that came with the page: its charset counts more than the page's own, less than a byte order
// mark. XML types are read by XML's rules, other types than HTML have no title; an empty or unusable one is sniffed.
//
// Extract blocks as long as r does, and takes no ctx: an r that obeys one ends it with that error. It returns ErrNoTitle when there
// is no title, and the error of r when that came before the title was read whole. An empty title is a title. What cannot be decoded
// becomes U+FFFD and is no error. It keeps nothing, and may be called concurrently.
func Extract(r io.Reader, contentType string) (title, charset string, err error) {
	return extract(r, contentType, nil)
}

// extract calls settle, if that is not nil, once the title was read whole and only what may tell its charset is still to come.
func extract(r io.Reader, contentType string, settle func(ascii bool)) (title, charset string, err error) {
	src, release := newSource(r)
	defer release()
	src.settle = settle
	media := mediaType(contentType)
	if media == "" {
		media = src.sniff()
		if broken := src.failed(); broken != nil && kindOfMedia(media) == mediaOther {
			return "", "", broken // before it could be told
		}
	}
	declared, _ := lookup(charsetParameter(contentType))
	switch kindOfMedia(media) {
	case mediaHTML:
		return src.htmlTitle(declared)
	case mediaXML:
		return src.xmlTitle(declared)
	default:
		return "", "", ErrNoTitle
	}
}

// sniff tells the type of a page from its first bytes, and does not wait for more of them than it takes.
func (s *source) sniff() string {
	const enough = 512
	for n := 1; ; n = min(len(s.buf)-s.pos+1, enough) {
		start := s.peek(n)
		media := mediaType(http.DetectContentType(s.buf[s.pos:min(len(s.buf), s.pos+enough)]))
		if kindOfMedia(media) != mediaOther || len(start) < n || len(start) == enough {
			return media
		}
	}
}

// htmlTitle decides the charset in this order: byte order mark, Content-Type, <meta>, XML declaration, what the bytes look like.
func (s *source) htmlTitle(declared charset) (title, name string, err error) {
	cs, marked := s.byteOrderMark()
	if !marked {
		cs = declared
	}
	decoded := cs.name != "" && !cs.isASCIISuperset()
	if decoded {
		s.transcode(cs)
	}
	z := newScanner(s)
	z.meta.done = cs.name != ""
	fallback, _ := s.xmlDeclaration()

	z.findTitle()
	if broken := s.failed(); broken != nil && !z.whole {
		return "", cs.name, broken
	}
	if !z.found {
		return "", cs.name, ErrNoTitle
	}
	if cs.name == "" {
		titleEnd := s.consumed()
		if z.whole && s.settle != nil {
			s.settle(isASCII(z.title))
		}
		decoded = z.meta.charset.name == iso2022JP // and the title behind it was read as UTF-8
		z.findMeta()
		switch {
		case z.meta.charset.name != "":
			cs = z.meta.charset
		case fallback.name != "":
			cs = fallback
		default:
			cs = s.guess(z.title, max(titleEnd, s.consumed()))
		}
	}
	text := string(z.title)
	if !decoded {
		text = cs.decode(z.title)
	}
	return cleanTitle(text, true), cs.name, nil
}

// guess is for a page that names no charset. It looks at more of the page only when the title depends on it.
func (s *source) guess(title []byte, consumed int) charset {
	if isASCII(title) {
		if seen := s.sample(); isASCII(seen[:min(len(seen), consumed)]) {
			return utf8Charset
		}
	}
	s.fill()
	sample := s.sample()
	if !bytes.Contains(sample, title) {
		sample = append(bytes.Clone(title), sample...)
	}
	return detect(sample)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == 0x1B { // ESC may switch to another set, in ISO-2022-JP
			return false
		}
	}
	return true
}

type mediaKind uint8

const (
	mediaOther mediaKind = iota
	mediaHTML
	mediaXML
)

// mediaType returns the type in a Content-Type, in lower case, or "" when it is none to go by.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	media, _, _ = strings.Cut(media, ",")
	media = strings.ToLower(strings.TrimSpace(media))
	major, minor, ok := strings.Cut(media, "/")
	if !ok || major == "" || minor == "" || strings.ContainsAny(media, " \t") {
		return ""
	}
	switch media {
	case "unknown/unknown", "application/unknown", "*/*":
		return ""
	}
	return media
}

func kindOfMedia(media string) mediaKind {
	switch {
	case media == "text/html":
		return mediaHTML
	case media == "text/xml", media == "application/xml", strings.HasSuffix(media, "+xml"):
		return mediaXML
	}
	return mediaOther
}
