package faults_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// A cable is how a client gets to a server in its process. It can be cut without a word, and lose single messages.
type cable struct {
	mu      sync.Mutex // guards the fields below; never held while blocking
	server  *server.Server
	conn    net.Conn                         // the last one
	deaf    bool                             // nothing passes, either way
	drop    func(subject, reply string) bool // of messages to the client; nil: none
	swallow func(commands string) bool       // of what the client writes at once; nil: nothing
}

func (c *cable) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cable) cut()  { c.set(func() { c.deaf = true }) }
func (c *cable) heal() { c.set(func() { c.deaf = false }) }

// hangUp closes the connection; the client makes another.
func (c *cable) hangUp() {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	conn.Close()
}

// InProcessConn is for nats.InProcessServer.
func (c *cable) InProcessConn() (net.Conn, error) {
	c.mu.Lock()
	s, deaf := c.server, c.deaf
	c.mu.Unlock()
	if deaf { // at once: nats.go waits for a server's first word with its lock held, which would stop a bubble's clock
		return nil, errors.New("the cable is cut")
	}
	conn, err := s.InProcessConn()
	if err != nil {
		return nil, err
	}
	c.set(func() { c.conn = conn })
	return &strand{Conn: conn, cable: c, in: bufio.NewReader(conn)}, nil
}

// A strand is one connection over a cable.
type strand struct {
	net.Conn
	cable *cable
	in    *bufio.Reader
	left  []byte // of the command that is being read
}

func (w *strand) Write(b []byte) (int, error) {
	w.cable.mu.Lock()
	gone := w.cable.deaf || w.cable.swallow != nil && w.cable.swallow(string(b))
	w.cable.mu.Unlock()
	if gone {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// Read reads commands whole: a line, and what it says that follows.
func (w *strand) Read(b []byte) (int, error) {
	for len(w.left) == 0 {
		line, err := w.in.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(line))
		isMessage := len(fields) >= 4 && (fields[0] == "MSG" || fields[0] == "HMSG")
		if isMessage {
			size, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				return 0, err
			}
			var whole bytes.Buffer
			whole.Write(line)
			rest := make([]byte, size+2)
			for n := 0; n < len(rest); {
				k, err := w.in.Read(rest[n:])
				if err != nil {
					return 0, err
				}
				n += k
			}
			whole.Write(rest)
			line = whole.Bytes()
		}
		w.cable.mu.Lock()
		gone := w.cable.deaf
		if drop := w.cable.drop; isMessage && drop != nil {
			reply := ""
			if numbers := len(fields) - map[string]int{"MSG": 4, "HMSG": 5}[fields[0]]; numbers > 0 {
				reply = fields[3]
			}
			gone = gone || drop(fields[1], reply)
		}
		w.cable.mu.Unlock()
		if !gone {
			w.left = line
		}
	}
	n := copy(b, w.left)
	w.left = w.left[n:]
	return n, nil
}
