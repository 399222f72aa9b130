package titles

import "strings"

// openElements stands in for the tree: it knows whether the next element would be HTML's own, or svg's or math's, and whether it is
// in a template. Outside these three nothing is kept, so for nearly every tag it does nothing.
type openElements struct {
	stack     []element // begins with an svg, math or template element
	templates int       // how many of stack are templates
	foreign   int       // how many of stack are svg's or math's
}

type element struct {
	name string
	kind elementKind
}

type elementKind uint8

const (
	htmlElement     elementKind = iota
	templateElement             // HTML's; its content is no part of the page
	svgElement
	mathElement
	htmlPoint     // svg's or math's, and its children are HTML
	mathTextPoint // math's, and its children are HTML but for two
)

// maxOpen is where browsers stop nesting, too.
const maxOpen = 512

func (o *openElements) empty() bool      { return len(o.stack) == 0 }
func (o *openElements) inTemplate() bool { return o.templates > 0 }

// inForeign reports whether the innermost open element is svg's or math's.
func (o *openElements) inForeign() bool {
	return len(o.stack) > 0 && o.stack[len(o.stack)-1].kind >= svgElement
}

// start opens an element and reports whether it is HTML's. Elements without an end tag, or whose content the scanner skips together
// with the end tag, are not kept.
func (o *openElements) start(name []byte, attrs *attributes, selfClosed bool) (html bool) {
	if o.inForeign() && !o.htmlInside(name) {
		if !breaksOut(name, attrs) {
			if !selfClosed {
				o.pushForeign(name, attrs)
			}
			return false
		}
		for o.inForeign() && !o.top().isPoint() {
			o.pop()
		}
	}
	switch string(name) {
	case "svg", "math":
		if !selfClosed {
			o.pushForeign(name, attrs)
		}
		return false
	case "template":
		o.push(element{"template", templateElement})
	default:
		if o.foreign > 0 && !isVoidOrRaw(name) {
			o.push(element{string(name), htmlElement})
		}
	}
	return true
}

// end closes what an end tag closes.
func (o *openElements) end(name []byte) {
	i := len(o.stack) - 1
	if o.inForeign() {
		if s := string(name); s == "p" || s == "br" {
			for o.inForeign() && !o.top().isPoint() {
				o.pop()
			}
			return
		}
		for ; i >= 0 && o.stack[i].kind >= svgElement; i-- {
			if o.stack[i].name == string(name) {
				o.popTo(i)
				return
			}
		}
	}
	o.endHTML(i, name)
}

// endHTML is the rule for an end tag in HTML, from stack[i] outwards. What encloses the stack is not known; a tag of a usual
// container that got so far is taken to close it, and with it what was left open inside.
func (o *openElements) endHTML(i int, name []byte) {
	if string(name) == "template" {
		for j := len(o.stack) - 1; j >= 0; j-- {
			if o.stack[j].kind == templateElement {
				o.popTo(j)
				return
			}
		}
		return
	}
	for ; i >= 0; i-- {
		e := o.stack[i]
		switch {
		case e.kind == htmlElement && e.name == string(name):
			o.popTo(i)
			return
		case e.kind == templateElement, e.isPoint():
			return
		}
	}
	if isContainer(name) {
		o.popTo(0)
	}
}

// htmlInside reports whether a start tag directly inside the innermost element, which is svg's or math's, is read by HTML's rules.
func (o *openElements) htmlInside(name []byte) bool {
	switch top := o.top(); top.kind {
	case htmlPoint:
		return true
	case mathTextPoint:
		return string(name) != "mglyph" && string(name) != "malignmark"
	default:
		return top.name == "annotation-xml" && string(name) == "svg"
	}
}

func (o *openElements) pushForeign(name []byte, attrs *attributes) {
	e := element{name: string(name), kind: svgElement}
	switch {
	case e.name == "math", e.name != "svg" && o.inMath():
		e.kind = mathElement
		switch e.name {
		case "mi", "mo", "mn", "ms", "mtext":
			e.kind = mathTextPoint
		case "annotation-xml":
			encoding, _ := attrs.get("encoding")
			if strings.EqualFold(encoding, "text/html") || strings.EqualFold(encoding, "application/xhtml+xml") {
				e.kind = htmlPoint
			}
		}
	case e.name == "foreignobject", e.name == "desc", e.name == "title":
		e.kind = htmlPoint
	}
	o.push(e)
}

// inMath reports whether the innermost root of foreign content is a math element.
func (o *openElements) inMath() bool {
	for i := len(o.stack) - 1; i >= 0; i-- {
		switch o.stack[i].name {
		case "math":
			return true
		case "svg":
			return false
		}
	}
	return false
}

func (o *openElements) push(e element) {
	if len(o.stack) == maxOpen {
		return
	}
	o.stack = append(o.stack, e)
	o.count(e, 1)
}

func (o *openElements) pop() { o.popTo(len(o.stack) - 1) }

// popTo closes stack[i] and everything inside it.
func (o *openElements) popTo(i int) {
	for len(o.stack) > max(i, 0) {
		last := len(o.stack) - 1
		o.count(o.stack[last], -1)
		o.stack = o.stack[:last]
	}
}

func (o *openElements) count(e element, n int) {
	switch {
	case e.kind == templateElement:
		o.templates += n
	case e.kind >= svgElement:
		o.foreign += n
	}
}

func (o *openElements) top() element { return o.stack[len(o.stack)-1] }

func (e element) isPoint() bool { return e.kind == htmlPoint || e.kind == mathTextPoint }

// breaksOut reports whether an HTML start tag ends svg or math where it stands.
func breaksOut(name []byte, attrs *attributes) bool {
	switch string(name) {
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2", "h3", "h4",
		"h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small",
		"span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var":
		return true
	case "font":
		return attrs.has("color") || attrs.has("face") || attrs.has("size")
	}
	return false
}

func isVoidOrRaw(name []byte) bool {
	switch string(name) {
	case "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "image", "input", "keygen", "link", "meta",
		"param", "source", "track", "wbr",
		"title", "script", "style", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript":
		return true
	}
	return false
}

func isContainer(name []byte) bool {
	switch string(name) {
	case "div", "span", "a", "section", "article", "header", "footer", "nav", "main", "aside", "button",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "tbody", "tr", "td", "th", "form", "label", "figure", "center", "b", "i", "em",
		"strong", "h1", "h2", "h3", "h4", "h5", "h6":
		return true
	}
	return false
}
