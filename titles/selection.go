package titles

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/antchfx/htmlquery"
	"github.com/antchfx/xpath"
	"golang.org/x/net/html"
)

// Select makes a Fetcher look for the elements that a CSS selector matches, in place of the title: Page.Title is the text of the first
// one in the order of the page, with white space as in titles. A page where nothing matches fails with KindNoTitle and an error that
// matches ErrNoTitle and reads "no match". The last of several Select and XPath counts.
//
// A tree is built of the page, as far as MaxBody allows, as browsers do it; so of XML types too, by the rules of HTML and with the names
// of elements in lower case. Charsets are those of titles. A page of more than 512 nested elements fails with KindIO. All of the page
// must have come, and the time for it includes the search.
//
// It returns an error when css is no selector, so that this is told before the first page is read.
func Select(css string) (Option, error) {
	group, err := cascadia.ParseGroup(css)
	if err != nil {
		return nil, fmt.Errorf("potok: bad selector %q: %w", css, err)
	}
	return optionFunc(func(s *settings) { s.selector = cssSelector{group} }), nil
}

// XPath is as Select, for an expression of XPath 1.0. It may name elements, attributes and text, and have the value of a string, a
// number or a boolean, which is then the only match. Names have no prefixes. It returns an error when expr is no expression.
func XPath(expr string) (Option, error) {
	compiled, err := compileXPath(expr)
	if err != nil {
		return nil, fmt.Errorf("potok: bad xpath %q: %w", expr, err)
	}
	return optionFunc(func(s *settings) { s.selector = xpathSelector{compiled} }), nil
}

// compileXPath survives what the compiler does not.
func compileXPath(expr string) (_ *xpath.Expr, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return xpath.Compile(expr)
}

// A selector gives the texts of what it matches in a tree, in the tree's order, until yield returns false.
type selector interface {
	find(ctx context.Context, root *html.Node, yield func(text string) bool)
}

type cssSelector struct{ group cascadia.SelectorGroup }

// find asks node by node, since one answer may be long in coming, and the search must end with its ctx.
func (s cssSelector) find(ctx context.Context, root *html.Node, yield func(string) bool) {
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || !s.group.Match(n) {
			if ctx.Err() != nil {
				return
			}
			continue
		}
		if ctx.Err() != nil || !yield(htmlquery.InnerText(n)) {
			return
		}
	}
}

type xpathSelector struct{ expr *xpath.Expr }

func (s xpathSelector) find(ctx context.Context, root *html.Node, yield func(string) bool) {
	at := &navigator{NodeNavigator: htmlquery.CreateXPathNavigator(root), ctx: ctx}
	switch value := s.expr.Evaluate(at).(type) {
	case *xpath.NodeIterator:
		for value.MoveNext() {
			if ctx.Err() != nil || !yield(value.Current().Value()) {
				return
			}
		}
	case string:
		yield(value)
	case bool:
		yield(strconv.FormatBool(value))
	case float64:
		yield(formatNumber(value))
	}
}

// formatNumber is XPath's string().
func formatNumber(f float64) string {
	switch {
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+") + "inity"
	case f == 0:
		return "0" // of either sign
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// A navigator ends a search when its ctx has ended: then nothing leads any further.
type navigator struct {
	*htmlquery.NodeNavigator
	ctx   context.Context //nolint:containedctx // lives within one search
	moves int
}

func (n *navigator) goesOn() bool {
	const often = 64
	n.moves++
	return n.moves%often != 0 || n.ctx.Err() == nil
}

func (n *navigator) Copy() xpath.NodeNavigator {
	inner := *n.NodeNavigator
	return &navigator{&inner, n.ctx, n.moves}
}

func (n *navigator) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*navigator)
	return ok && n.NodeNavigator.MoveTo(o.NodeNavigator)
}

func (n *navigator) MoveToChild() bool    { return n.goesOn() && n.NodeNavigator.MoveToChild() }
func (n *navigator) MoveToNext() bool     { return n.goesOn() && n.NodeNavigator.MoveToNext() }
func (n *navigator) MoveToPrevious() bool { return n.goesOn() && n.NodeNavigator.MoveToPrevious() }
func (n *navigator) MoveToParent() bool   { return n.goesOn() && n.NodeNavigator.MoveToParent() }
func (n *navigator) MoveToNextAttribute() bool {
	return n.goesOn() && n.NodeNavigator.MoveToNextAttribute()
}

// noMatch is the ErrNoTitle of selections.
type noMatch struct{}

func (noMatch) Error() string        { return prefix + "no match" }
func (noMatch) Is(target error) bool { return target == ErrNoTitle }

// A treeError is about a page of which no tree can be made.
type treeError struct{ err error }

func (e *treeError) Error() string { return "no tree: " + strings.TrimPrefix(e.err.Error(), "html: ") }
func (e *treeError) Unwrap() error { return e.err }

// selectFrom fills in page with what f's selector matches. Of the texts of all matches MaxBody bytes are kept, so that a page of nested
// matches costs no more than another.
func (f *Fetcher) selectFrom(ctx context.Context, page *Page, body io.Reader, contentType string) (err error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	text, name, ok := decodeAll(raw, contentType)
	page.Charset = name
	if !ok {
		return noMatch{}
	}
	root, err := html.Parse(contextReader{ctx, strings.NewReader(text)})
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &treeError{err}
	}
	defer func() { // xpath's functions panic over arguments that only a page shows to be wrong
		if p := recover(); p != nil {
			err = &treeError{fmt.Errorf("xpath: %v", p)}
		}
	}()
	found, left := false, f.maxBody
	f.selector.find(ctx, root, func(text string) bool {
		text = cleanTitle(text, false)
		if !found {
			page.Title, found = text, true
		}
		if f.allMatches && int64(len(text)) <= left {
			page.Matches = append(page.Matches, text)
		}
		left -= int64(len(text)) + 16 // an empty one takes room too
		return f.allMatches && left > 0
	})
	if ctx.Err() != nil {
		page.Title, page.Matches = "", nil
		return ctx.Err()
	}
	if !found {
		return noMatch{}
	}
	return nil
}
