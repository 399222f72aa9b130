package titles

import (
	"encoding/xml"
	"io"
	"strings"

	"golang.org/x/text/transform"
)

const (
	namespaceHTML = "http://www.w3.org/1999/xhtml"
	namespaceSVG  = "http://www.w3.org/2000/svg"
)

// xmlTitle finds the title of a page of an XML type: of an svg image the first title directly below its root, of anything else the
// first title element of XHTML's namespace. Names of character references are known as if XHTML's DTD had been read. What comes
// before an error in the markup counts.
func (s *source) xmlTitle(declared charset) (title, name string, err error) {
	cs, marked := s.byteOrderMark()
	if !marked {
		cs = declared
	}
	if cs.name == "" {
		cs = utf8Charset
		if named, ok := s.xmlDeclaration(); ok {
			cs = named
		}
	}
	rest := io.MultiReader(strings.NewReader(string(s.buf[s.pos:])), readerOrEnd(s))
	d := xml.NewDecoder(transform.NewReader(rest, cs.enc.NewDecoder()))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	text, err := firstXMLTitle(d)
	if err != nil {
		return "", cs.name, err
	}
	return cleanTitle(text, false), cs.name, nil
}

// firstXMLTitle returns ErrNoTitle for malformed markup too, and every other error of the reader as it is.
func firstXMLTitle(d *xml.Decoder) (string, error) {
	depth, templates := 0, 0 // templates: how deep in one, 0 outside
	image := false           // the root is an svg
	for {
		token, err := d.Token()
		if err != nil {
			return "", noTitleIfMalformed(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 1 && t.Name.Local == "svg" && t.Name.Space == namespaceSVG:
				image = true
			case templates > 0 || t.Name.Local == "template" && t.Name.Space == namespaceHTML:
				templates++
			case t.Name.Local != "title":
			case image && depth == 2 && t.Name.Space == namespaceSVG, !image && t.Name.Space == namespaceHTML:
				return xmlTitleText(d)
			}
		case xml.EndElement:
			depth--
			templates = max(templates-1, 0)
		}
	}
}

// xmlTitleText returns the text directly inside the element just opened.
func xmlTitleText(d *xml.Decoder) (string, error) {
	var text strings.Builder
	for depth := 1; ; {
		token, err := d.Token()
		if err != nil {
			if noTitleIfMalformed(err) == ErrNoTitle { //nolint:errorlint // its own value, not wrapped
				return text.String(), nil
			}
			return "", err
		}
		switch t := token.(type) {
		case xml.CharData:
			if depth == 1 {
				text.Write(t)
			}
		case xml.StartElement:
			depth++
		case xml.EndElement:
			if depth--; depth == 0 {
				return text.String(), nil
			}
		}
	}
}

// noTitleIfMalformed tells the end of the page and an error in its markup from an error in reading it.
func noTitleIfMalformed(err error) error {
	if _, malformed := err.(*xml.SyntaxError); malformed || err == io.EOF { //nolint:errorlint // the decoder does not wrap
		return ErrNoTitle
	}
	return err
}

func readerOrEnd(s *source) io.Reader {
	if s.err != nil {
		return endedReader{s.err}
	}
	return s.r
}
