package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startTimeout bounds how long Start waits for ports. What takes long, reading a large store, is over before that wait.
const startTimeout = 10 * time.Second

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	nats    *server.Server
	token   string
	listens bool
	release func() error // gives the store directory back, once
}

// Start starts a server and returns when clients can connect, or with an error that says what of the machine is in the way, or which option:
// that is an *OptionError. A port in use matches syscall.EADDRINUSE. It blocks while a large store is read. The caller closes the Server.
func Start(opts ...Option) (*Server, error) {
	var o options
	for _, opt := range opts {
		opt.apply(&o)
	}
	s, err := start(&o)
	if err != nil {
		return nil, fmt.Errorf("potok/embedded: %w", err)
	}
	return s, nil
}

func start(o *options) (*Server, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	dir, release, err := takeStore(o.store, o.mode)
	if err != nil {
		return nil, err
	}
	config.StoreDir = dir
	s, err := run(config, o)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	if o.mode == Fast {
		m, inner := startMetaSync(dir), release
		release = func() error {
			m.stop()
			return inner()
		}
	}
	s.release = sync.OnceValue(release)
	return s, nil
}

// run starts the server on a directory that is ours. When it returns an error, the server is gone.
func run(config *server.Options, o *options) (*Server, error) {
	ns, err := server.NewServer(config)
	if err != nil {
		return nil, err
	}
	log := new(serverLog)
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	if err := finish(ns, log, o, config); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, err
	}
	s := &Server{nats: ns, listens: o.listen != nil}
	if o.token != nil {
		s.token = *o.token
	}
	return s, nil
}

// finish does what can only be done with a server that runs.
func finish(ns *server.Server, log *serverLog, o *options, config *server.Options) error {
	if t, ok := config.CustomClientAuthentication.(*tokens); ok { // first: a client may be waiting for it, and Shutdown for the client
		if err := t.separate(ns); err != nil {
			return err
		}
	}
	if err := ready(ns, log); err != nil {
		return err
	}
	if o.mode != Memory {
		return nil
	}
	// The one limit that a client can see. The server's own stays at 1 byte, as 0 means "choose one" there.
	limits := server.JetStreamAccountLimits{MaxMemory: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1}
	return ns.GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": limits})
}

// ready waits until ports are open: ReadyForConnections would not come back early with what went wrong.
func ready(ns *server.Server, log *serverLog) error {
	for end := time.Now().Add(startTimeout); ; time.Sleep(time.Millisecond) {
		if err := log.fatal(); err != nil {
			return err
		}
		if ns.ReadyForConnections(time.Microsecond) {
			log.start()
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the server is not ready after %v", startTimeout)
		}
	}
}

// Connect returns a new connection inside this process, with all rights. It reconnects for ever, also when the server is closed: the
// caller closes it. What goes wrong on it, and has no other way out, goes to slog.Default. It does not block for long: the server is here.
func (s *Server) Connect() (*nats.Conn, error) {
	opts := []nats.Option{
		nats.InProcessServer(s.nats),
		nats.Name("potok"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond), // there is no crowd of clients to spread
		nats.Timeout(startTimeout),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			slog.Default().Warn("potok/embedded: connection", "error", err)
		}), // nats.go's own prints to stderr
	}
	if s.token != "" {
		opts = append(opts, nats.Token(s.token))
	}
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("potok/embedded: %w", err)
	}
	return nc, nil
}

// URL is where clients connect, "nats://127.0.0.1:4222", with TLS "tls://…"; "" without Listen. It has the host that Listen was given and
// the port that is open, and never the token.
func (s *Server) URL() string {
	if !s.listens {
		return ""
	}
	return s.nats.ClientURL()
}

// Close ends the server, waits until it is gone, and removes what a Memory server has on disk. Connections stay: they are their owners'.
// It may be called any number of times, and returns the same error.
func (s *Server) Close() error {
	s.nats.Shutdown() // all calls but the first return at once
	s.nats.WaitForShutdown()
	if err := s.release(); err != nil {
		return fmt.Errorf("potok/embedded: %w", err)
	}
	return nil
}

// takeStore gives the server a directory of its own, and what gives it back. In memory the server wants one, too.
func takeStore(dir string, mode Mode) (path string, release func() error, err error) {
	if mode == Memory {
		dir, err := os.MkdirTemp("", "potok-*")
		if err != nil {
			return "", nil, err
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("store directory: %w", err)
	}
	lock, err := lockStore(dir)
	if err != nil {
		return "", nil, err
	}
	return dir, lock.Close, nil
}
