package titles

import "bytes"

// decodeAll makes a whole page UTF-8, by the rules by which titles are decoded. It is false for types that have no elements.
func decodeAll(raw []byte, contentType string) (text, name string, ok bool) {
	src, release := newSource(bytes.NewReader(raw))
	defer release()
	media := mediaType(contentType)
	if media == "" {
		media = src.sniff()
	}
	kind := kindOfMedia(media)
	if kind == mediaOther {
		return "", "", false
	}
	declared, _ := lookup(charsetParameter(contentType))
	cs, marked := src.byteOrderMark()
	if marked {
		raw = raw[src.pos:]
	} else {
		cs = declared
	}
	if cs.name == "" {
		cs, _ = src.charsetInPage(kind)
	}
	if cs.name == "" {
		cs = guessOf(raw)
	}
	return cs.decode(raw), cs.name, true
}

// charsetInPage is the one that a page names.
func (s *source) charsetInPage(kind mediaKind) (charset, bool) {
	fallback, declared := s.xmlDeclaration()
	if kind == mediaXML {
		if declared {
			return fallback, true
		}
		return utf8Charset, true
	}
	z := newScanner(s)
	z.findMeta()
	if z.meta.charset.name != "" {
		return z.meta.charset, true
	}
	return fallback, declared
}

// guessOf looks at the page from the first byte on that says anything.
func guessOf(raw []byte) charset {
	sample := raw[:min(len(raw), sampleSize)]
	if !isASCII(sample) {
		return detect(sample)
	}
	for i := len(sample); i < len(raw); i++ {
		if raw[i] >= 0x80 || raw[i] == 0x1B {
			return detect(raw[i-1 : min(len(raw), i+sampleSize)])
		}
	}
	return utf8Charset
}
