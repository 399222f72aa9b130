package titles

import (
	"errors"
	"io"
	"sync"
)

const (
	// sampleSize is how much of a body's start stays in memory to the end, for the detection of its charset.
	sampleSize = 16 << 10
	bufferSize = 2 * sampleSize
	// readSize bounds one read. Most titles stand in the first few kilobytes, and what is not read need not be sent.
	readSize = 8 << 10
)

// A source is a window on a body. The first sampleSize bytes are kept; what lies between them and pos is dropped when room is
// needed, so a long page without a title costs no more memory than a short one.
type source struct {
	r       io.Reader
	buf     []byte // what was read; consumed up to pos
	pos     int
	dropped int   // bytes that stood before buf[pos] and are gone
	err     error // why there is no more; nil while there may be
	settle  func(ascii bool)
}

var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, bufferSize)) }}

// newSource takes its buffer from a pool; release gives it back.
func newSource(r io.Reader) (src *source, release func()) {
	b := buffers.Get().(*[]byte)
	src = &source{r: r, buf: (*b)[:0]}
	return src, func() {
		if cap(src.buf) == bufferSize { // one that a long token has grown is left to the collector
			*b = src.buf[:0]
			buffers.Put(b)
		}
		src.buf = nil
	}
}

// next consumes one byte.
func (s *source) next() (byte, bool) {
	if s.pos == len(s.buf) && !s.more() {
		return 0, false
	}
	c := s.buf[s.pos]
	s.pos++
	return c, true
}

// peek returns the next n bytes, fewer at the end of the body, and consumes nothing.
func (s *source) peek(n int) []byte {
	for len(s.buf)-s.pos < n && s.more() {
	}
	return s.buf[s.pos:min(len(s.buf), s.pos+n)]
}

// consumed is the number of body bytes before pos.
func (s *source) consumed() int { return s.dropped + s.pos }

// sample is the start of the body as far as it was read, at most sampleSize bytes of it.
func (s *source) sample() []byte { return s.buf[:min(len(s.buf), sampleSize)] }

// fill reads until the sample is complete. It is for use after the scan: it may drop what was not consumed.
func (s *source) fill() {
	for len(s.buf) < sampleSize && s.more() {
	}
}

// failed is the error that ended the body, nil for a plain end.
func (s *source) failed() error {
	if errors.Is(s.err, io.EOF) {
		return nil
	}
	return s.err
}

// more reads once into the window and reports whether there is anything new.
func (s *source) more() bool {
	if s.err != nil {
		return false
	}
	if len(s.buf) == cap(s.buf) {
		s.makeRoom()
	}
	for range 100 { // as bufio: a reader that never gives anything is broken, and must not hold a worker
		n, err := s.r.Read(s.buf[len(s.buf):min(cap(s.buf), len(s.buf)+readSize)])
		s.buf = s.buf[:len(s.buf)+n]
		s.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

func (s *source) makeRoom() {
	if s.pos > sampleSize {
		n := copy(s.buf[sampleSize:], s.buf[s.pos:])
		s.dropped += s.pos - sampleSize
		s.pos, s.buf = sampleSize, s.buf[:sampleSize+n]
		return
	}
	grown := make([]byte, len(s.buf), 2*cap(s.buf))
	copy(grown, s.buf)
	s.buf = grown
}
