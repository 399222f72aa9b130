package titles

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// readFile fills in page from a file.
func (f *Fetcher) readFile(ctx context.Context, page *Page, path string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, errTimeout)
	defer cancel()
	page.URL = fileAddress(path)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fail(KindIO, withoutPath(err))
	case info.IsDir():
		return fail(KindIO, errors.New("is a directory"))
	case !info.Mode().IsRegular(): // opening a pipe or a device may block for ever, and no context ends that
		return fail(KindIO, errors.New("not a regular file"))
	}
	file, err := os.Open(path)
	if err != nil {
		return fail(KindIO, withoutPath(err))
	}
	defer file.Close()
	body := contextReader{ctx, io.LimitReader(file, f.maxBody)}
	err = f.extract(ctx, page, body, typeOfExtension(path), nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoTitle):
		return fail(KindNoTitle, err)
	case ctx.Err() != nil:
		return ended(ctx)
	}
	return fail(KindIO, withoutPath(err))
}

// typeOfExtension is "" for what has to be sniffed.
func typeOfExtension(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".html", ".htm":
		return "text/html"
	case ".xhtml":
		return "application/xhtml+xml"
	case ".svg":
		return "image/svg+xml"
	case ".xml":
		return "application/xml"
	case ".txt":
		return "text/plain"
	}
	return ""
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives within one call
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
