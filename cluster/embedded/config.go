package embedded

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// An OptionError is the cause of an error of Start that options alone explain, whatever the machine: they contradict each other, cannot be
// read, or would let others in.
type OptionError struct {
	Option string // the name of the option at fault, such as Listen
	Err    error
}

// Error names the option and says what is wrong with it.
func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *OptionError) Unwrap() error { return e.Err }

func wrong(option, format string, a ...any) error {
	return &OptionError{option, fmt.Errorf(format, a...)}
}

var errInUse = errors.New("another server has it; give each its own")

// config checks the options, completes them with their defaults, and makes the server's of them.
func (o *options) config() (*server.Options, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	config := &server.Options{
		ServerName:             o.name,
		DontListen:             o.listen == nil,
		NoSigs:                 true, // they are the program's; and the goroutine that waits for them would never end
		JetStream:              true,
		JetStreamMaxMemory:     o.memory,
		JetStreamMaxStore:      o.disk,
		SyncInterval:           time.Second, // unless told the server syncs every two minutes
		SyncAlways:             o.mode == Strict,
		DisableJetStreamBanner: true,
	}
	if o.mode == Memory {
		config.JetStreamMaxStore = 1 // see run
	}
	if o.token != nil {
		config.CustomClientAuthentication = newTokens(o)
	}
	if o.listen != nil {
		var err error
		if config.Host, config.Port, err = o.address("Listen", *o.listen); err != nil {
			return nil, err
		}
		if o.tls != nil {
			config.TLS, config.TLSConfig, config.TLSTimeout = true, o.tls.Clone(), startTimeout.Seconds()
		}
	}
	if o.cluster != nil {
		if err := o.clusterConfig(config); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// check finds options that do not go together, and chooses the mode and the limits that were not given.
func (o *options) check() error {
	switch {
	case o.mode == 0 && o.store == "":
		o.mode = Memory
	case o.mode == 0:
		o.mode = Fast
	case o.mode != Memory && o.store == "":
		return wrong("Durability", "%v needs a StoreDir", o.mode)
	case o.mode == Memory && o.store != "":
		return wrong("Durability", "memory keeps nothing in a StoreDir; leave one of them out")
	}
	if o.memory == 0 {
		o.memory, o.disk = DefaultMemory, DefaultDisk
	}
	switch {
	case o.token != nil && *o.token == "":
		return wrong("Token", "it is empty")
	case o.workerToken != nil && *o.workerToken == "":
		return wrong("WorkerToken", "it is empty")
	case o.workerToken != nil && o.token == nil:
		return wrong("WorkerToken", "needs a Token beside it: without, whoever shows none has all rights")
	case o.workerToken != nil && *o.workerToken == *o.token:
		return wrong("WorkerToken", "is the same as Token")
	}
	return nil
}

// address splits "host:port" and finds out early whether a port can be opened there: the server would tell in no error that can be
// looked into. Port 0 becomes the server's number for a free one.
func (o *options) address(what, addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, wrong(what, "%w; want host:port, such as 127.0.0.1:4222", err)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, wrong(what, "%q is no port; want a number from 0 to 65535", text)
	}
	if !loopback(host) && (o.tls == nil || o.token == nil) {
		return "", 0, wrong(what, "others can reach %s: that needs TLS and a token; or take 127.0.0.1", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", what, err)
	}
	if err := l.Close(); err != nil {
		return "", 0, fmt.Errorf("%s: %w", what, err)
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), nil
}

// loopback reports whether only this machine can reach host. Of names it believes one: what the others mean can change.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (o *options) clusterConfig(config *server.Options) error {
	c := o.cluster
	switch {
	case c.name == "" || strings.ContainsAny(c.name, " \t\r\n"):
		return wrong("Cluster", "its name %q must not be empty or have white space", c.name)
	case o.name == "":
		return wrong("Cluster", "its servers need Names, each its own")
	case o.listen == nil:
		return wrong("Cluster", "its servers need Listen, for clients that were at another one first")
	}
	host, port, err := o.address("Cluster", c.listen)
	if err != nil {
		return err
	}
	config.Cluster = server.ClusterOpts{Name: c.name, Host: host, Port: port}
	if o.tls != nil {
		config.Cluster.TLSConfig, config.Cluster.TLSTimeout = o.tls.Clone(), startTimeout.Seconds() // the server sets names in it
	}
	if o.token != nil {
		config.Cluster.Username, config.Cluster.Password = "potok", routePassword(*o.token)
	}
	for _, route := range c.routes {
		if _, _, err := net.SplitHostPort(route); err != nil {
			return wrong("Cluster", "route: %w; want host:port, such as 10.0.0.2:6222", err)
		}
		u := &url.URL{Scheme: "nats", Host: route}
		if o.token != nil {
			u.User = url.UserPassword(config.Cluster.Username, config.Cluster.Password)
		}
		config.Routes = append(config.Routes, u)
	}
	return nil
}

// routePassword is what servers show each other. It is made of the token, so that there is one secret less to hand out, and tells nothing
// about it: it stands in URLs.
func routePassword(token string) string {
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte("potok cluster routes"))
	return hex.EncodeToString(h.Sum(nil))
}
