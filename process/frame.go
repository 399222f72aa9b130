package process

import (
	"bufio"
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
	kindCall   byte = 'c' // pool: see callHead
	kindEnd    byte = 'e' // pool: id, why the context of the call ends
	kindAnswer byte = 'a' // worker: id, length of the error, error, result
	kindItem   byte = 'i' // worker: the same, of the next item of the chunk that runs
	kindOver   byte = 'o' // worker: id; the call was passed over, or the chunk has ended in front of the next item
)

// protocol is the version of all this. Both sides are the same binary, on Linux always and elsewhere unless it was replaced.
const protocol = 2

// maxFrame bounds what a frame's length may say: nothing is allocated before that has been looked at. Only tests change it,
// before anything else happens.
var maxFrame = 1 << 30

const headSize = 5

// A frame that somebody writes: head and small things in one piece, then a payload that is not copied.
type frame struct {
	head    []byte
	payload []byte
	rings   bool // the worker is to read it also while a call runs
}

// newFrame begins a frame in b, from whose memory it is made.
func newFrame(b []byte, kind byte) frame {
	return frame{head: append(b[:0], 0, 0, 0, 0, kind)}
}

// size is how many bytes it takes.
func (f *frame) size() int { return len(f.head) + len(f.payload) }

// seal writes the length. It returns an error if that is more than the other side reads.
func (f *frame) seal() error {
	n := f.size() - 4
	if n > maxFrame {
		return fmt.Errorf("potok/process: %d bytes, which is more than the %d that a frame takes", n, maxFrame)
	}
	binary.LittleEndian.PutUint32(f.head, uint32(n))
	return nil
}

// A small frame is written in one piece, and read without memory of its own.
const smallFrame = 32 << 10

// join makes one piece of a small frame.
func (f *frame) join() []byte { return append(f.head, f.payload...) }

// writeTo writes a sealed frame.
func (f *frame) writeTo(w io.Writer) error {
	if _, err := w.Write(f.head); err != nil {
		return err
	}
	if len(f.payload) == 0 {
		return nil
	}
	_, err := w.Write(f.payload)
	return err
}

var errCorrupt = errors.New("potok/process: a frame makes no sense")

// frames reads them.
type frames struct {
	port *port
	r    *bufio.Reader
	last int // bytes of the one before, still in the buffer

	large func(size int) // is told of a frame that gets memory of its own; may be nil
}

func newFrames(p *port) *frames {
	return &frames{port: p, r: bufio.NewReaderSize(p, smallFrame+headSize)}
}

// next reads the next frame. Unless it is the caller's, the body is good until next is called again. io.EOF comes only
// between two frames.
func (f *frames) next() (kind byte, body []byte, own bool, err error) {
	_, _ = f.r.Discard(f.last) // it is there
	f.last = 0
	head, err := f.r.Peek(headSize)
	if err != nil {
		if errors.Is(err, io.EOF) && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, false, err
	}
	n := int64(binary.LittleEndian.Uint32(head))
	if n < 1 || n > int64(maxFrame) {
		return 0, nil, false, fmt.Errorf("%w: its length is said to be %d", errCorrupt, n)
	}
	kind = head[4]
	if whole := int(n) + 4; whole <= f.r.Size() {
		b, err := f.r.Peek(whole)
		f.last = len(b)
		return kind, b[min(headSize, len(b)):], false, inside(err)
	}
	_, _ = f.r.Discard(headSize)
	if f.large != nil {
		f.large(int(n))
	}
	body = make([]byte, n-1)
	_, err = io.ReadFull(f.r, body)
	return kind, body, true, inside(err)
}

// buffered says whether the next frame is there, as a whole.
func (f *frames) buffered() bool {
	rest := f.r.Buffered() - f.last
	if rest < headSize {
		return false
	}
	b, _ := f.r.Peek(f.last + headSize)
	return rest >= 4+int(binary.LittleEndian.Uint32(b[f.last:]))
}

// some says whether there is something to read: next may still have to wait for the rest of it.
func (f *frames) some() bool {
	if f.r.Buffered() > f.last {
		return true
	}
	n, err := f.port.in.filled()
	return n > 0 || err != nil
}

// inside makes of the end of a stream what it is inside of a frame.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A callHead is what stands before the argument of a call.
type callHead struct {
	id      uint64        // from 1; 0 for what Init says
	slot    int           // of its word
	items   int           // of a chunk, whose argument is an array; 0: it is none
	remains time.Duration // until its deadline, as two clocks may differ; 0: it has none
	task    string
}

// frame makes a frame in b.
func (h callHead) frame(b, in []byte) frame {
	f := newFrame(b, kindCall)
	f.head = binary.LittleEndian.AppendUint64(f.head, h.id)
	f.head = binary.LittleEndian.AppendUint16(f.head, uint16(h.slot))
	f.head = binary.LittleEndian.AppendUint32(f.head, uint32(h.items))
	f.head = binary.LittleEndian.AppendUint64(f.head, uint64(h.remains))
	f.head = binary.AppendUvarint(f.head, uint64(len(h.task)))
	f.head = append(f.head, h.task...)
	f.payload = in
	return f
}

// parseCall leaves the name of the task where it is.
func parseCall(body []byte) (h callHead, task, in []byte, err error) {
	if len(body) < 22 {
		return h, nil, nil, errCorrupt
	}
	h.id = binary.LittleEndian.Uint64(body)
	h.slot = int(binary.LittleEndian.Uint16(body[8:]))
	h.items = int(binary.LittleEndian.Uint32(body[10:]))
	h.remains = time.Duration(binary.LittleEndian.Uint64(body[14:]))
	n, used := binary.Uvarint(body[22:])
	rest := body[22+max(used, 0):]
	if used <= 0 || n > uint64(len(rest)) {
		return h, nil, nil, errCorrupt
	}
	return h, rest[:n], rest[n:], nil
}

func endFrame(id uint64, why []byte) frame {
	f := newFrame(nil, kindEnd)
	f.head = binary.LittleEndian.AppendUint64(f.head, id)
	f.payload, f.rings = why, true
	return f
}

// answerFrame is an answer, or that of an item, made in b.
func answerFrame(b []byte, kind byte, id uint64, failure, out []byte) frame {
	f := newFrame(b, kind)
	f.head = binary.LittleEndian.AppendUint64(f.head, id)
	f.head = binary.LittleEndian.AppendUint32(f.head, uint32(len(failure)))
	f.head = append(f.head, failure...)
	f.payload = out
	return f
}

// An answer is what a worker says of a call.
type answer struct {
	id           uint64
	failure, out []byte
}

func parseAnswer(body []byte) (a answer, err error) {
	if len(body) < 12 {
		return a, errCorrupt
	}
	a.id = binary.LittleEndian.Uint64(body)
	n := binary.LittleEndian.Uint32(body[8:])
	if uint64(n) > uint64(len(body)-12) {
		return a, errCorrupt
	}
	a.failure, a.out = body[12:12+n], body[12+n:]
	return a, nil
}

func overFrame(b []byte, id uint64) frame {
	f := newFrame(b, kindOver)
	f.head = binary.LittleEndian.AppendUint64(f.head, id)
	return f
}

// parseID reads what begins with an id.
func parseID(body []byte) (id uint64, rest []byte, err error) {
	if len(body) < 8 {
		return 0, nil, errCorrupt
	}
	return binary.LittleEndian.Uint64(body), body[8:], nil
}
