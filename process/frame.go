package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// What crosses between a pool and a worker is a stream of frames in each direction:
//
//	length  4 bytes, little endian: of what follows
//	kind    1 byte
//	body
//
// docs/protocol-process.md says who sends which, and when.
const (
	kindReady  byte = 'r' // worker: it can take calls; body: the version of the protocol
	kindCall   byte = 'c' // pool: id, remaining time, name of the task, argument
	kindEnd    byte = 'e' // pool: id, why the context of the call ends
	kindAnswer byte = 'a' // worker: id, length of the error, error, result
)

// protocol is the version of all this. Both sides are the same binary, on Linux always and elsewhere unless it was replaced.
const protocol = 1

// maxFrame bounds what a frame's length may say: nothing is allocated before that has been looked at. Only tests change it,
// before anything else happens.
var maxFrame = 1 << 30

const headSize = 5

// A frame that somebody writes: head and small things in one piece, then a payload that is not copied.
type frame struct {
	head    []byte
	payload []byte
}

func newFrame(kind byte, room int) frame {
	head := make([]byte, headSize, headSize+room)
	head[4] = kind
	return frame{head: head}
}

// seal writes the length. It returns an error if that is more than the other side reads.
func (f *frame) seal() error {
	n := len(f.head) - 4 + len(f.payload)
	if n > maxFrame {
		return fmt.Errorf("potok/process: %d bytes, which is more than the %d that a frame takes", n, maxFrame)
	}
	binary.LittleEndian.PutUint32(f.head, uint32(n))
	return nil
}

// writeTo writes a sealed frame in one go, if its payload is small. It returns how many bytes were taken.
func (f *frame) writeTo(w io.Writer) (n int, err error) {
	if len(f.payload) <= 64<<10 {
		return w.Write(append(f.head, f.payload...))
	}
	if n, err = w.Write(f.head); err != nil {
		return n, err
	}
	more, err := w.Write(f.payload)
	return n + more, err
}

var errCorrupt = errors.New("potok/process: a frame makes no sense")

// readFrame reads the next frame. The body is the caller's. io.EOF comes only between two frames.
func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n < 1 || int64(n) > int64(maxFrame) {
		return 0, nil, fmt.Errorf("%w: its length is said to be %d", errCorrupt, n)
	}
	body, err = readBody(r, int(n-1))
	return head[4], body, err
}

// readBody reads n bytes, and takes memory as they come: a length alone makes nobody allocate.
func readBody(r io.Reader, n int) ([]byte, error) {
	const step = 16 << 20
	body := make([]byte, min(n, step))
	for read := 0; ; {
		if _, err := io.ReadFull(r, body[read:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		read = len(body)
		if read == n {
			return body, nil
		}
		grown := make([]byte, min(n, 4*read))
		copy(grown, body)
		body = grown
	}
}

// A callHead is what stands before the argument of a call.
type callHead struct {
	id      uint64
	remains time.Duration // until its deadline, as two clocks may differ; 0: it has none
	task    string
}

func (h callHead) frame(in []byte) frame {
	f := newFrame(kindCall, 24+len(h.task)+len(in))
	f.head = binary.LittleEndian.AppendUint64(f.head, h.id)
	f.head = binary.LittleEndian.AppendUint64(f.head, uint64(h.remains))
	f.head = binary.AppendUvarint(f.head, uint64(len(h.task)))
	f.head = append(f.head, h.task...)
	f.payload = in
	return f
}

func parseCall(body []byte) (h callHead, in []byte, err error) {
	if len(body) < 16 {
		return h, nil, errCorrupt
	}
	h.id = binary.LittleEndian.Uint64(body)
	h.remains = time.Duration(binary.LittleEndian.Uint64(body[8:]))
	n, used := binary.Uvarint(body[16:])
	rest := body[16+max(used, 0):]
	if used <= 0 || n > uint64(len(rest)) {
		return h, nil, errCorrupt
	}
	h.task = string(rest[:n])
	return h, rest[n:], nil
}

func endFrame(id uint64, why []byte) frame {
	f := newFrame(kindEnd, 8+len(why))
	f.head = binary.LittleEndian.AppendUint64(f.head, id)
	f.payload = why
	return f
}

func answerFrame(id uint64, failure, out []byte) frame {
	f := newFrame(kindAnswer, 12+len(failure)+min(len(out), 64<<10))
	f.head = binary.LittleEndian.AppendUint64(f.head, id)
	f.head = binary.LittleEndian.AppendUint32(f.head, uint32(len(failure)))
	f.head = append(f.head, failure...)
	f.payload = out
	return f
}

func parseAnswer(body []byte) (id uint64, failure, out []byte, err error) {
	if len(body) < 12 {
		return 0, nil, nil, errCorrupt
	}
	id = binary.LittleEndian.Uint64(body)
	n := binary.LittleEndian.Uint32(body[8:])
	if uint64(n) > uint64(len(body)-12) {
		return 0, nil, nil, errCorrupt
	}
	return id, body[12 : 12+n], body[12+n:], nil
}

func parseEnd(body []byte) (id uint64, why []byte, err error) {
	if len(body) < 8 {
		return 0, nil, errCorrupt
	}
	return binary.LittleEndian.Uint64(body), body[8:], nil
}
