package titles

import "bytes"

// A scanner finds the first title of an HTML page in its raw bytes, by the tokenizer's rules of the HTML standard and without a
// tree. Every charset it meets in its raw form is a superset of ASCII in which '<', '>', '&', quotes and '/' never occur inside a
// longer character, so markup can be found before the charset is known; the others are decoded on the way in.
//
//	findTitle → text → tag | markup | raw text of an element → text → … → title
//
// Tags pass by three observers: tree (where are we), meta (what charset does the page name), title.
type scanner struct {
	src  *source
	tree openElements
	meta metaSearch

	name       [24]byte // of the tag just read, in lower case
	nameLen    int      // 0 if the name is longer than any that matters
	attrs      attributes
	selfClosed bool

	framesetOK bool   // nothing was met yet that forbids a <frameset>
	finished   bool   // no title can follow: frameset, plaintext, the end
	title      []byte // raw text between the tags
	found      bool
	whole      bool // the title's end tag was seen
}

func newScanner(src *source) *scanner {
	return &scanner{src: src, framesetOK: true}
}

// findTitle reads to the end of the first title, or of the page.
func (z *scanner) findTitle() {
	for !z.found && !z.finished {
		z.step(true)
	}
}

// findMeta reads on until the page has named a charset, or cannot do so any more.
func (z *scanner) findMeta() {
	for z.meta.searching(z.src.consumed()) && !z.finished {
		z.step(false)
	}
}

// step consumes the text up to the next tag, and the tag.
func (z *scanner) step(wantTitle bool) {
	if !z.text() {
		z.finished = true
		return
	}
	next := z.src.peek(1)
	switch {
	case len(next) == 0:
		z.finished = true
	case isLetter(next[0]):
		z.startTag(wantTitle)
	case next[0] == '/':
		z.src.pos++
		z.endTag()
	case next[0] == '!':
		z.src.pos++
		z.markup()
	case next[0] == '?':
		z.skipPast('>')
	default:
		z.framesetOK = false
	}
}

// text consumes everything up to the next '<' and that too; false at the end.
func (z *scanner) text() bool {
	for z.framesetOK {
		c, ok := z.src.next()
		if !ok || c == '<' {
			return ok
		}
		z.framesetOK = isSpace(c) || c == 0
	}
	return z.skipPast('<')
}

// skipPast consumes up to and with the next c; false at the end.
func (z *scanner) skipPast(c byte) bool {
	s := z.src
	for {
		if i := bytes.IndexByte(s.buf[s.pos:], c); i >= 0 {
			s.pos += i + 1
			return true
		}
		s.pos = len(s.buf)
		if !s.more() {
			return false
		}
	}
}

func (z *scanner) startTag(wantTitle bool) {
	if !z.tag() {
		z.finished = true // a tag cut off by the end of the page is none
		return
	}
	name := z.name[:z.nameLen]
	z.meta.start(name, &z.attrs, z.src)
	if !z.tree.start(name, &z.attrs, z.selfClosed) {
		return // an element of svg or math: its content is plain markup
	}
	switch string(name) {
	case "title":
		if wantTitle && !z.tree.inTemplate() {
			z.readTitle()
		} else {
			z.rawText("title")
		}
	case "script":
		z.script()
	case "textarea", "select", "xmp", "iframe", "style", "noembed", "noframes", "noscript":
		if string(name) == "textarea" || string(name) == "select" || string(name) == "xmp" || string(name) == "iframe" {
			z.framesetOK = false
		}
		if string(name) != "select" { // noscript too: pages are read as by a browser with scripts on
			z.rawText(string(name))
		}
	case "plaintext":
		z.finished = true
	case "frameset":
		if z.framesetOK && z.tree.empty() {
			z.finished = true // a title below a frameset is ignored
		}
	case "body", "pre", "listing", "li", "dd", "dt", "button", "applet", "marquee", "object", "table", "area", "br", "embed",
		"img", "keygen", "wbr", "input", "hr", "image":
		z.framesetOK = false
	}
}

func (z *scanner) endTag() {
	next := z.src.peek(1)
	switch {
	case len(next) == 0:
		z.finished = true
	case !isLetter(next[0]):
		z.skipPast('>')
	case !z.tag():
		z.finished = true
	default:
		name := z.name[:z.nameLen]
		z.meta.end(name)
		z.tree.end(name)
		if string(name) == "br" {
			z.framesetOK = false
		}
	}
}

// markup consumes what begins with "<!": a comment, a CDATA section in svg or math, or something to be skipped to its first '>'.
func (z *scanner) markup() {
	if bytes.Equal(z.src.peek(2), []byte("--")) {
		z.src.pos += 2
		z.comment()
		return
	}
	if z.tree.inForeign() && bytes.Equal(z.src.peek(7), []byte("[CDATA[")) {
		z.src.pos += 7
		for brackets := 0; ; {
			c, ok := z.src.next()
			switch {
			case !ok, c == '>' && brackets >= 2:
				return
			case c == ']':
				brackets++
			default:
				brackets = 0
			}
		}
	}
	z.skipPast('>')
}

// comment consumes the rest of one. "<!-->" and "<!--->" are whole; "-->" and "--!>" end it.
func (z *scanner) comment() {
	if bytes.HasPrefix(z.src.peek(2), []byte(">")) {
		z.src.pos++
		return
	}
	if bytes.Equal(z.src.peek(2), []byte("->")) {
		z.src.pos += 2
		return
	}
	for z.skipPast('-') {
		for bytes.HasPrefix(z.src.peek(1), []byte("-")) {
			z.src.pos++
			rest := z.src.peek(2)
			if bytes.HasPrefix(rest, []byte(">")) {
				z.src.pos++
				return
			}
			if bytes.Equal(rest, []byte("!>")) {
				z.src.pos += 2
				return
			}
		}
	}
}

// rawText consumes an element's content that is not markup, and its end tag.
func (z *scanner) rawText(name string) {
	for z.skipPast('<') {
		if z.atEndTag(name) {
			z.src.pos += 1 + len(name)
			z.finished = !z.tag()
			return
		}
	}
}

// atEndTag reports whether the rest of an end tag of that name follows the '<' just consumed.
func (z *scanner) atEndTag(name string) bool {
	n := len(name)
	b := z.src.peek(n + 2)
	return len(b) == n+2 && b[0] == '/' && equalFold(b[1:n+1], name) && isTagNameEnd(b[n+1])
}

// script consumes a script's content and its end tag. A script inside "<!--" is part of the text: the standard's escaped states.
func (z *scanner) script() {
	const plain, escaped, doubleEscaped = 0, 1, 2
	state, dashes := plain, 0
	for {
		if state == plain && !z.skipPast('<') {
			return
		}
		c := byte('<')
		if state != plain {
			var ok bool
			if c, ok = z.src.next(); !ok {
				return
			}
		}
		switch c {
		case '-':
			dashes++
			continue
		case '>':
			if dashes >= 2 {
				state = plain
			}
		case '<':
			switch {
			case state == plain && bytes.Equal(z.src.peek(3), []byte("!--")):
				z.src.pos += 3
				state, dashes = escaped, 2
				continue
			case state != doubleEscaped && z.atEndTag("script"):
				z.src.pos += 1 + len("script")
				z.finished = !z.tag()
				return
			case state == doubleEscaped && z.atEndTag("script"):
				state = escaped
			case state == escaped && z.atStartTag("script"):
				state = doubleEscaped
			}
		}
		dashes = 0
	}
}

func (z *scanner) atStartTag(name string) bool {
	b := z.src.peek(len(name) + 1)
	return len(b) == len(name)+1 && equalFold(b[:len(name)], name) && isTagNameEnd(b[len(name)])
}

// readTitle keeps the text up to the title's end tag, or all the rest when there is none.
func (z *scanner) readTitle() {
	z.found = true
	s := z.src
	for {
		if i := bytes.IndexByte(s.buf[s.pos:], '<'); i >= 0 {
			z.title = append(z.title, s.buf[s.pos:s.pos+i]...)
			s.pos += i + 1
			if z.atEndTag("title") {
				s.pos += 1 + len("title")
				z.whole = true
				return // the rest of the end tag may be late: it is left to whoever reads on, as text
			}
			z.title = append(z.title, '<')
			continue
		}
		z.title = append(z.title, s.buf[s.pos:]...)
		s.pos = len(s.buf)
		if !s.more() {
			z.finished = true
			return
		}
	}
}
