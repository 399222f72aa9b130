package embedded

import (
	"crypto/tls"
	"fmt"
)

// An Option changes a Server. What is wrong with its value is an error of Start, but for what only a programmer can get wrong.
type Option interface{ apply(o *options) }

type option func(o *options)

func (f option) apply(o *options) { f(o) }

type options struct {
	listen      *string
	store       string
	mode        Mode // 0: not given
	memory      int64
	disk        int64
	token       *string
	workerToken *string
	tls         *tls.Config
	name        string
	cluster     *clusterOptions
}

type clusterOptions struct {
	name, listen string
	routes       []string
}

// A Mode says how safe what was accepted is.
type Mode int

const (
	// Fast keeps streams on disk and syncs that every second: the death of the process costs nothing, a power cut at most the last
	// second. It is the default with StoreDir.
	Fast Mode = iota + 1
	// Strict syncs the disk before anything is accepted: a power cut costs nothing, and calls take longer one by one.
	Strict
	// Memory keeps streams in memory: they are gone with the server. It is the default without StoreDir.
	Memory
)

// String returns the mode as a flag has it: fast, strict or memory.
func (m Mode) String() string {
	switch m {
	case Fast:
		return "fast"
	case Strict:
		return "strict"
	case Memory:
		return "memory"
	}
	return fmt.Sprintf("Mode(%d)", int(m))
}

// Defaults of Limits.
const (
	DefaultMemory = 1 << 30  // bytes of streams in memory
	DefaultDisk   = 16 << 30 // bytes of streams on disk
)

// Listen opens a port for clients at "host:port"; port 0 takes a free one, which URL tells. Start refuses an address that is not
// loopback, or has no host, without TLS and Token. "localhost" counts as loopback; other names do not.
func Listen(addr string) Option { return option(func(o *options) { o.listen = &addr }) }

// StoreDir is the directory where streams are kept on disk; it is made where it does not exist. It belongs to one server: Start
// refuses it while another one, in whatever process, has it. Without it there is only Memory.
func StoreDir(dir string) Option { return option(func(o *options) { o.store = dir }) }

// Durability says how safe what was accepted is: Fast with a StoreDir unless given, Memory without. It panics if d is none of the three.
func Durability(d Mode) Option {
	if d < Fast || d > Memory {
		panic(fmt.Sprintf("potok/embedded: Durability(%d)", int(d)))
	}
	return option(func(o *options) { o.mode = d })
}

// Limits bounds the bytes of all streams together: those in memory, DefaultMemory unless given, and those on disk, DefaultDisk unless
// given. The server refuses what would go beyond. It panics if one of them is less than 1.
func Limits(memory, disk int64) Option {
	if memory < 1 || disk < 1 {
		panic(fmt.Sprintf("potok/embedded: Limits(%d, %d)", memory, disk))
	}
	return option(func(o *options) { o.memory, o.disk = memory, disk })
}

// Token is what a client shows to be let in, with all rights (nats.Token). The connections of Connect have it by themselves.
func Token(token string) Option { return option(func(o *options) { o.token = &token }) }

// WorkerToken is what a client shows to be let in with the rights of WorkerPermissions. It needs a Token beside it.
func WorkerToken(token string) Option { return option(func(o *options) { o.workerToken = &token }) }

// TLS encrypts what goes through ports. Between the servers of a Cluster config is used on both sides, so RootCAs must know who signed
// the others' certificates. It is not changed, and must not be by the caller.
func TLS(config *tls.Config) Option { return option(func(o *options) { o.tls = config }) }

// Name is the server's name, unique in its cluster; a random one unless given.
func Name(name string) Option { return option(func(o *options) { o.name = name }) }

// Cluster makes the server one of a cluster, of three for example, that replicate streams: name is that of the cluster, the same for
// all; listen the "host:port" where the others connect; routes the "host:port" of some or all of them, its own may be among them.
// It needs Name and Listen. Start refuses a listen that is not loopback without TLS and Token; the servers know each other by
// the Token, so it is the same for all. Start does not wait for the others: until most are there, streams cannot be made.
func Cluster(name, listen string, routes ...string) Option {
	return option(func(o *options) { o.cluster = &clusterOptions{name, listen, routes} })
}
