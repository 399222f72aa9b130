package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// protocol is the first byte of every message. docs/protocol-cluster.md has what follows it; numbers are unsigned varints
// (encoding/binary), texts and bytes have their length before them.
const protocol = 1

// errMessage is of what makes no sense.
var errMessage = errors.New("potok/cluster: a message that makes no sense")

// maxItems bounds what one message may say it has.
const maxItems = 1 << 16

// Kinds, the second byte.
const (
	kindCalls     byte = 'c' // calls, each with its argument
	kindChunk     byte = 'k' // calls whose arguments are one array
	kindResults   byte = 'r' // what became of the first n calls of a message
	kindCancelled byte = 'x' // it was cancelled: there is no result, but perhaps what it returned to who has cancelled it
	kindDead      byte = 'd' // it was given up: the error says why
	kindBegan     byte = 'b' // calls that have begun
	kindWorker    byte = 'w' // a worker is there
	kindLeft      byte = 'l' // a worker has left
	kindEnd       byte = 'e' // a call is to end
)

// A callMessage is one or more calls of one task.
type callMessage struct {
	kind     byte
	task     string
	items    int
	timeout  time.Duration // of an attempt; 0: none
	remains  time.Duration // of Submit's ctx, from when the server has stored it; 0: it has no deadline
	keep     time.Duration // how long the result is kept, whole seconds
	attempts uint64        // on workers that are not heard of again, before it is given up
	after    uint64        // sequence of the result that this call's comes after; 0: it is the first
	trace    string        // of Submit's ctx; see Trace
	object   string        // where the arguments are, if they are not here
	ins      [][]byte      // one each, or all of a chunk
}

func (m *callMessage) bytes() []byte {
	b := appendText([]byte{protocol, m.kind}, m.task)
	for _, n := range []uint64{
		uint64(m.items), uint64(m.timeout), uint64(m.remains), uint64(m.keep / time.Second), m.attempts, m.after,
	} {
		b = binary.AppendUvarint(b, n)
	}
	b = appendText(b, m.trace)
	b = appendText(b, m.object)
	if m.object != "" {
		return b
	}
	for _, in := range m.ins {
		b = appendText(b, in)
	}
	return b
}

// appendIns appends what an object holds in place of the message.
func (m *callMessage) appendIns(b []byte) []byte {
	for _, in := range m.ins {
		b = appendText(b, in)
	}
	return b
}

func parseCall(b []byte) (*callMessage, error) {
	r := newReader(b)
	m := &callMessage{kind: r.kind(kindCalls, kindChunk)}
	m.task = string(r.bytes())
	m.items = r.count()
	m.timeout = r.duration(1)
	m.remains = r.duration(1)
	m.keep = r.duration(time.Second)
	m.attempts = r.number()
	m.after = r.number()
	m.trace = string(r.bytes())
	m.object = string(r.bytes())
	if m.items == 0 {
		r.fail()
	}
	if m.object == "" {
		m.readIns(r)
	}
	return m, r.end()
}

func (m *callMessage) readIns(r *reader) {
	n := m.items
	if m.kind == kindChunk {
		n = 1
	}
	for range n {
		if r.bad {
			return
		}
		m.ins = append(m.ins, r.bytes())
	}
}

// parseIns reads what an object holds.
func (m *callMessage) parseIns(b []byte) error {
	r := &reader{b: b}
	m.readIns(r)
	return r.end()
}

// A resultMessage says what became of a message of calls.
type resultMessage struct {
	kind      byte
	worker    string
	delivered uint64        // how many times the calls were given to a worker
	ran       time.Duration // that the calls have had places, all together
	items     int           // how many of the calls are done, from the first on
	object    string        // where the results are, if they are not here
	results   []result      // of kindResults; one of kindDead, which has the error
}

// A result is what became of one call.
type result struct{ out, failure []byte }

func (m *resultMessage) bytes() []byte {
	b := appendText([]byte{protocol, m.kind}, m.worker)
	b = binary.AppendUvarint(b, m.delivered)
	b = binary.AppendUvarint(b, uint64(max(0, m.ran)))
	b = binary.AppendUvarint(b, uint64(m.items))
	b = appendText(b, m.object)
	if m.object != "" {
		return b
	}
	return m.appendResults(b)
}

func (m *resultMessage) appendResults(b []byte) []byte {
	for _, r := range m.results {
		b = appendText(b, r.out)
		b = appendText(b, r.failure)
	}
	return b
}

func parseResult(b []byte) (*resultMessage, error) {
	r := newReader(b)
	m := &resultMessage{kind: r.kind(kindResults, kindCancelled, kindDead)}
	m.worker = string(r.bytes())
	m.delivered = r.number()
	m.ran = r.duration(1)
	m.items = r.count()
	m.object = string(r.bytes())
	if m.object == "" {
		m.readResults(r)
	}
	return m, r.end()
}

func (m *resultMessage) readResults(r *reader) {
	for range m.items {
		if r.bad {
			return
		}
		m.results = append(m.results, result{r.bytes(), r.bytes()})
	}
}

func (m *resultMessage) parseResults(b []byte) error {
	r := &reader{b: b}
	m.readResults(r)
	return r.end()
}

// A began says which calls have begun on a worker.
type began struct {
	id     string // of the worker
	worker string
	calls  []beganCall
}

type beganCall struct {
	message string
	index   int
}

func (m *began) bytes() []byte {
	b := appendText(appendText([]byte{protocol, kindBegan}, m.id), m.worker)
	b = binary.AppendUvarint(b, uint64(len(m.calls)))
	for _, c := range m.calls {
		b = binary.AppendUvarint(appendText(b, c.message), uint64(c.index))
	}
	return b
}

func parseBegan(b []byte) (*began, error) {
	r := newReader(b)
	r.kind(kindBegan)
	m := &began{id: string(r.bytes()), worker: string(r.bytes())}
	for range r.count() {
		if r.bad {
			break
		}
		m.calls = append(m.calls, beganCall{string(r.bytes()), r.index()})
	}
	return m, r.end()
}

// A workerMessage says who works.
type workerMessage struct {
	left   bool
	id     string
	name   string
	places int
	tasks  []string // that it knows
}

func (m *workerMessage) bytes() []byte {
	kind := kindWorker
	if m.left {
		kind = kindLeft
	}
	b := appendText(appendText([]byte{protocol, kind}, m.id), m.name)
	b = binary.AppendUvarint(b, uint64(m.places))
	b = binary.AppendUvarint(b, uint64(len(m.tasks)))
	for _, t := range m.tasks {
		b = appendText(b, t)
	}
	return b
}

func parseWorker(b []byte) (*workerMessage, error) {
	r := newReader(b)
	m := &workerMessage{left: r.kind(kindWorker, kindLeft) == kindLeft}
	m.id, m.name, m.places = string(r.bytes()), string(r.bytes()), r.index()
	for range r.count() {
		if r.bad {
			break
		}
		m.tasks = append(m.tasks, string(r.bytes()))
	}
	return m, r.end()
}

// An endMessage says that calls are to end, and why.
type endMessage struct {
	message string
	all     bool
	index   int    // the call that is meant, if not all are
	why     []byte // an error
}

func (m *endMessage) bytes() []byte {
	b := appendText([]byte{protocol, kindEnd}, m.message)
	n := uint64(0)
	if !m.all {
		n = 1 + uint64(m.index)
	}
	return appendText(binary.AppendUvarint(b, n), m.why)
}

func parseEnd(b []byte) (*endMessage, error) {
	r := newReader(b)
	r.kind(kindEnd)
	m := &endMessage{message: string(r.bytes())}
	n := r.index()
	m.all, m.index = n == 0, max(0, n-1)
	m.why = r.bytes()
	return m, r.end()
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// A reader takes a message apart. After the first fault everything that it reads is zero.
type reader struct {
	b   []byte
	bad bool
}

func newReader(b []byte) *reader {
	r := &reader{b: b}
	if r.byte() != protocol {
		r.fail()
	}
	return r
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return errMessage
	}
	return nil
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) kind(known ...byte) byte {
	k := r.byte()
	for _, other := range known {
		if k == other {
			return k
		}
	}
	r.fail()
	return 0
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// bytes does not copy.
func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

// index is a number that is not large.
func (r *reader) index() int {
	n := r.number()
	if n > maxItems {
		r.fail()
		return 0
	}
	return int(n)
}

// count is how many follow: each takes a byte at least, but for results and arguments that are elsewhere.
func (r *reader) count() int { return r.index() }

func (r *reader) duration(unit time.Duration) time.Duration {
	n := r.number()
	if n > uint64(time.Duration(1<<63-1)/unit) {
		r.fail()
		return 0
	}
	return time.Duration(n) * unit
}

// checkVersion tells a message of another version from garbage, for whoever reads what was put aside.
func checkVersion(b []byte) error {
	if len(b) > 0 && b[0] != protocol {
		return fmt.Errorf("%w: its version is %d, this program knows %d", errMessage, b[0], protocol)
	}
	return errMessage
}
