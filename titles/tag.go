package titles

// tag consumes a tag's name and attributes from behind its '<' or '</', to its '>'. It is false when the page ends inside.
func (z *scanner) tag() bool {
	z.nameLen, z.selfClosed = 0, false
	z.attrs.reset()
	c, ok := z.tagName()
	for ok {
		switch {
		case c == '>':
			return true
		case c == '/':
			if c, ok = z.src.next(); ok && c == '>' {
				z.selfClosed = true
			}
		case isSpace(c):
			c, ok = z.src.next()
		default:
			c, ok = z.attribute(c)
		}
	}
	return false
}

// tagName returns the byte that ended the name.
func (z *scanner) tagName() (byte, bool) {
	for n := 0; ; n++ {
		c, ok := z.src.next()
		if !ok || isTagNameEnd(c) {
			z.attrs.wanted = wantsAttributes(z.name[:z.nameLen])
			return c, ok
		}
		switch {
		case n < len(z.name):
			z.name[n] = lower(c)
			z.nameLen = n + 1
		default:
			z.nameLen = 0
		}
	}
}

// attribute consumes one whose name begins with c, and returns the first byte behind it.
func (z *scanner) attribute(c byte) (byte, bool) {
	z.attrs.begin()
	ok := true
	for first := true; ok && (first || c != '=') && !isTagNameEnd(c); first = false {
		z.attrs.nameByte(c)
		c, ok = z.src.next()
	}
	for ok && isSpace(c) {
		c, ok = z.src.next()
	}
	if !ok || c != '=' {
		return c, ok
	}
	for c, ok = z.src.next(); ok && isSpace(c); {
		c, ok = z.src.next()
	}
	switch {
	case !ok || c == '>':
		return c, ok
	case c == '"' || c == '\'':
		return z.quotedValue(c)
	}
	for ok && c != '>' && !isSpace(c) {
		z.attrs.valueByte(c)
		c, ok = z.src.next()
	}
	return c, ok
}

func (z *scanner) quotedValue(quote byte) (byte, bool) {
	if !z.attrs.wanted {
		if !z.skipPast(quote) {
			return 0, false
		}
		return z.src.next()
	}
	for {
		c, ok := z.src.next()
		if !ok {
			return 0, false
		}
		if c == quote {
			return z.src.next()
		}
		z.attrs.valueByte(c)
	}
}

// wantsAttributes names the elements whose attributes decide something here.
func wantsAttributes(name []byte) bool {
	switch string(name) {
	case "meta", "font", "annotation-xml":
		return true
	}
	return false
}

// attributes holds those of one tag, in memory used again for the next. Nothing that matters here is long, so a longer value is cut.
type attributes struct {
	wanted bool
	bytes  []byte
	ends   []attributeEnds
}

type attributeEnds struct{ name, value int } // offsets in bytes; a value begins where its name ends

const (
	maxAttributes     = 64
	maxAttributeBytes = 8 << 10
)

func (a *attributes) reset() {
	a.wanted, a.bytes, a.ends = false, a.bytes[:0], a.ends[:0]
}

func (a *attributes) begin() {
	if len(a.ends) == maxAttributes {
		a.wanted = false
	}
	if a.wanted {
		a.ends = append(a.ends, attributeEnds{len(a.bytes), len(a.bytes)})
	}
}

func (a *attributes) nameByte(c byte) {
	if a.wanted && len(a.bytes) < maxAttributeBytes {
		a.bytes = append(a.bytes, lower(c))
		a.ends[len(a.ends)-1] = attributeEnds{len(a.bytes), len(a.bytes)}
	}
}

func (a *attributes) valueByte(c byte) {
	if a.wanted && len(a.bytes) < maxAttributeBytes {
		a.bytes = append(a.bytes, c)
		a.ends[len(a.ends)-1].value = len(a.bytes)
	}
}

// get returns the value of the first attribute of that name.
func (a *attributes) get(name string) (string, bool) {
	start := 0
	for _, e := range a.ends {
		if string(a.bytes[start:e.name]) == name {
			return string(a.bytes[e.name:e.value]), true
		}
		start = e.value
	}
	return "", false
}

func (a *attributes) has(name string) bool {
	_, ok := a.get(name)
	return ok
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}

func isLetter(c byte) bool {
	c |= 0x20
	return 'a' <= c && c <= 'z'
}

func isTagNameEnd(c byte) bool { return isSpace(c) || c == '/' || c == '>' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares with a name in lower-case ASCII.
func equalFold(b []byte, name string) bool {
	for i := range b {
		if lower(b[i]) != name[i] {
			return false
		}
	}
	return len(b) == len(name)
}
