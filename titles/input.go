package titles

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// resolve tells what an input is: an address of the web, or a file's path. A URL says so; else what exists is a file, and what does not
// is a host, with or without a port and a path behind it.
func resolve(input string) (u *url.URL, file string, err error) {
	scheme, rest, isURL := strings.Cut(input, "://")
	switch {
	case input == "":
		return nil, "", errors.New("empty address")
	case !isURL && strings.ContainsRune(input, 0):
		return nil, "", errors.New("NUL in address")
	case !isURL:
		if _, statErr := os.Stat(input); statErr == nil {
			return nil, input, nil
		} else if looksLikePath(input) {
			return nil, "", withoutPath(statErr)
		}
		input = "https://" + input
	case strings.EqualFold(scheme, "file"):
		file, err = filePath(rest)
		return nil, file, err
	case !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		return nil, "", fmt.Errorf("unsupported scheme %q", scheme)
	}
	u, err = url.Parse(input)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // the address is told apart
		}
		return nil, "", err
	}
	if u.Hostname() == "" {
		return nil, "", errors.New("no host in address")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, "", nil
}

// looksLikePath is true for what can be no host.
func looksLikePath(input string) bool {
	return strings.HasPrefix(input, "/") || strings.HasPrefix(input, "./") || strings.HasPrefix(input, "../") ||
		strings.HasPrefix(input, `\`)
}

// filePath turns what follows "file://" into a path.
func filePath(rest string) (string, error) {
	host, path, ok := strings.Cut(rest, "/")
	if host != "" && !strings.EqualFold(host, "localhost") {
		return "", fmt.Errorf("file of another host, %q", host)
	}
	if !ok {
		return "", errors.New("no path in file address")
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return "", err
	}
	return filepath.FromSlash("/" + path), nil
}

// fileAddress is the file:// address of a path.
func fileAddress(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// withoutPath takes the operation and the path from a file's error: whoever prints it names the input itself.
func withoutPath(err error) error {
	if outer, ok := errors.AsType[*os.PathError](err); ok {
		return outer.Err
	}
	return err
}
