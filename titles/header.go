package titles

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Header adds a header to every request. Given repeatedly, the same name is sent with every value; a name that Fetchers send by
// themselves (User-Agent, Accept, Accept-Encoding) is sent with the given values only, and of several values for Host the last one
// counts.
//
// Credentials (Authorization, Cookie, Proxy-Authorization) and Host go to the host that the input names; a redirect to another host,
// or from https to http, does not take them there. It returns an error when no header of that name or value can be sent, or it is one
// that HTTP itself needs.
func Header(name, value string) (Option, error) {
	if name == "" || strings.ContainsFunc(name, notToken) {
		return nil, fmt.Errorf("potok: bad header name %q", name)
	}
	value = strings.Trim(value, " \t")
	if strings.ContainsFunc(value, notFieldValue) {
		return nil, fmt.Errorf("potok: bad value of header %s: a control character in %q", name, value)
	}
	name = http.CanonicalHeaderKey(name)
	switch name {
	case "Host":
		if value == "" || strings.ContainsAny(value, " \t/\\?#@") {
			return nil, fmt.Errorf("potok: bad value of header Host: %q", value)
		}
	case "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Proxy-Connection", "Keep-Alive", "Upgrade", "Te", "Expect":
		return nil, errors.New("potok: header " + name + " is not for the user to set")
	}
	return optionFunc(func(s *settings) {
		if s.extra == nil {
			s.extra = make(http.Header)
		}
		s.extra[name] = append(s.extra[name], value)
	}), nil
}

func notToken(r rune) bool {
	return r >= 0x7F || r <= ' ' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
}

func notFieldValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }

// headers are those of requests. They are shared by all of them, and never written to after New.
type headers struct {
	first http.Header // to the host of the input
	other http.Header // without credentials: to where a redirect leads
	host  string      // in place of the input's, if not ""
}

func newHeaders(s *settings) headers {
	h := headers{first: http.Header{
		"User-Agent":      {s.userAgent}, // net/http leaves out an empty one
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding": {acceptEncoding},
	}}
	for name, values := range s.extra {
		if name == "Host" {
			h.host = values[len(values)-1]
			continue
		}
		h.first[name] = values
	}
	h.other = h.first.Clone()
	for _, name := range []string{"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "Www-Authenticate"} {
		delete(h.other, name)
	}
	return h
}
