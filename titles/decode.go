package titles

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	acceptEncoding = "gzip, zstd, br"
	// maxCodings is how often a page may be compressed over: once is usual, twice happens.
	maxCodings = 4
	// maxWindow is the most that a decoder of zstd may look back: what RFC 9659 grants to servers. Brotli's own bound is 16 MiB; both
	// allocate what the stream asks for, within these.
	maxWindow = 8 << 20
	// codingSlack is how much longer than the page its compressed form may be.
	codingSlack = 64 << 10
)

// A codingError is about a page whose compression cannot be undone.
type codingError struct {
	coding  string
	err     error
	unknown bool // to us, rather than damaged
}

func (e *codingError) Error() string { return fmt.Sprintf("content encoding %q: %v", e.coding, e.err) }
func (e *codingError) Unwrap() error { return e.err }

func (e *codingError) kind() string {
	if e.unknown {
		return KindIO
	}
	return KindHTTP
}

var (
	errUnknownCoding = errors.New("unknown")
	errManyCodings   = errors.New("too many")
	errCutOff        = errors.New("cut off")
)

// A decoder undoes one compression. Its parts are made once, then used for one page after the other.
type decoder struct {
	coding string
	in     codedInput
	z      io.Reader
	reset  func(d *decoder) error // may read
	ready  bool                   // reset was called
	out    int64
	pool   *sync.Pool
}

var decoders = map[string]*sync.Pool{}

func init() {
	for coding, make := range map[string]func(*decoder){
		"gzip":    makeGzip,
		"deflate": makeDeflate,
		"br":      makeBrotli,
		"zstd":    makeZstd,
	} {
		pool := new(sync.Pool)
		pool.New = func() any {
			d := &decoder{coding: coding, pool: pool}
			make(d)
			return d
		}
		decoders[coding] = pool
	}
	decoders["x-gzip"] = decoders["gzip"]
}

func makeGzip(d *decoder) {
	z := new(gzip.Reader)
	d.z = z
	d.reset = func(d *decoder) error { return z.Reset(&d.in) }
}

// makeDeflate reads zlib's form, as the standard has it, and the bare form that many servers send.
func makeDeflate(d *decoder) {
	var wrapped io.ReadCloser
	bare := flate.NewReader(nil)
	d.reset = func(d *decoder) error {
		start, err := d.in.peek2()
		if err != nil {
			return err
		}
		if start[0]&0x0F != 8 || (uint(start[0])<<8|uint(start[1]))%31 != 0 {
			d.z = bare
			return bare.(flate.Resetter).Reset(&d.in, nil)
		}
		if wrapped == nil {
			wrapped, err = zlib.NewReader(&d.in)
		} else {
			err = wrapped.(zlib.Resetter).Reset(&d.in, nil)
		}
		d.z = wrapped
		return err
	}
}

func makeBrotli(d *decoder) {
	z := new(brotli.Reader)
	d.z = z
	d.reset = func(d *decoder) error { return z.Reset(&d.in) }
}

func makeZstd(d *decoder) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // options that are out of range
	}
	d.z = z
	d.reset = func(d *decoder) error { return z.Reset(&d.in) }
}

// decode undoes the compressions named in the values of Content-Encoding, and reads no more than limit bytes of any form. What is cut
// off there is no failure. Neither r nor what it returns is read before the first Read. The decoders are given back by release.
func decode(r io.Reader, encodings []string, limit int64) (_ io.Reader, release func(), err error) {
	codings, err := splitCodings(encodings)
	if err != nil {
		return nil, nil, err
	}
	chain := make([]*decoder, 0, len(codings))
	for i := len(codings) - 1; i >= 0; i-- { // the last one was applied last
		d := decoders[codings[i]].Get().(*decoder)
		d.in = codedInput{r: r, left: limit + codingSlack}
		chain = append(chain, d)
		r = d
	}
	return io.LimitReader(r, limit), func() {
		for _, d := range chain {
			d.release()
		}
	}, nil
}

// splitCodings gives those that change something, in lower case.
func splitCodings(values []string) ([]string, error) {
	var codings []string
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			switch _, known := decoders[name]; {
			case name == "" || name == "identity":
			case !known:
				return nil, &codingError{name, errUnknownCoding, true}
			case len(codings) == maxCodings:
				return nil, &codingError{value, errManyCodings, true}
			default:
				codings = append(codings, name)
			}
		}
	}
	return codings, nil
}

// Read tells three ends apart: of the input, which is that error; of what may be read, which is a plain end; and of what the decoder
// understands.
func (d *decoder) Read(p []byte) (int, error) {
	var err error
	if !d.ready {
		d.ready = true
		err = d.reset(d)
	}
	n := 0
	if err == nil {
		n, err = d.z.Read(p)
		d.out += int64(n)
	}
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // decoders do not wrap it
		return n, err
	case d.in.err != nil && !errors.Is(d.in.err, io.EOF):
		return n, d.in.err
	case d.in.cut, d.in.n == 0:
		return n, io.EOF // n == 0: an empty body needs no compression
	case d.out > 0 && isTrailing(err):
		return n, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errCutOff
	}
	return n, &codingError{coding: d.coding, err: err}
}

// isTrailing is true for bytes behind a whole stream, which browsers do not look at either.
func isTrailing(err error) bool {
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, zstd.ErrMagicMismatch) || err.Error() == "brotli: excessive input"
}

func (d *decoder) release() {
	d.in = codedInput{}
	if z, ok := d.z.(*zstd.Decoder); ok {
		if err := z.Reset(nil); err != nil {
			return // and one that cannot be used again is left to the collector
		}
	}
	d.ready, d.out = false, 0
	d.pool.Put(d)
}

// codedInput is what a decoder reads. It remembers how that ended, since decoders hide it in errors of their own.
type codedInput struct {
	r     io.Reader
	left  int64
	n     int64 // read so far
	cut   bool  // there may be more, but not for us
	err   error
	start []byte // read ahead
	two   [2]byte
}

func (in *codedInput) Read(p []byte) (int, error) {
	if len(in.start) > 0 {
		n := copy(p, in.start)
		in.start = in.start[n:]
		return n, nil
	}
	switch {
	case in.r == nil:
		return 0, io.EOF
	case in.err != nil:
		return 0, in.err
	case in.left == 0:
		in.cut = true
		return 0, io.EOF
	}
	n, err := in.r.Read(p[:min(int64(len(p)), in.left)])
	in.n += int64(n)
	in.left -= int64(n)
	in.err = err
	return n, err
}

// peek2 reads two bytes ahead.
func (in *codedInput) peek2() ([]byte, error) {
	if _, err := io.ReadFull(in, in.two[:]); err != nil {
		return nil, err
	}
	in.start = in.two[:]
	return in.two[:], nil
}
