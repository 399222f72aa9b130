package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// A numberCodec carries an *int as eight bytes. Generated code for a message with a
// number in it would do no less.
type numberCodec struct{}

// A plugin's server has services of go-plugin's own, in protobuf, so it has to find
// this one by the name in a request; gRPC wants it registered before main.
func init() { encoding.RegisterCodec(numberCodec{}) }

var errNumber = errors.New("not a number")

func (numberCodec) Name() string { return "number" }

func (numberCodec) Marshal(v any) ([]byte, error) {
	n, ok := v.(*int)
	if !ok {
		return nil, errNumber
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(*n)), nil
}

func (numberCodec) Unmarshal(data []byte, v any) error {
	n, ok := v.(*int)
	if !ok || len(data) != 8 {
		return errNumber
	}
	*n = int(binary.LittleEndian.Uint64(data))
	return nil
}

// nextService is what protoc would have written for a service with one call.
var nextService = grpc.ServiceDesc{
	ServiceName: "benchmarks.Next",
	Methods: []grpc.MethodDesc{{
		MethodName: "Next",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var x int
			if err := decode(&x); err != nil {
				return nil, err
			}
			x++
			return &x, nil
		},
	}},
}

const nextMethod = "/benchmarks.Next/Next"

// nextPlugin is the plugin, on both sides.
type nextPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (nextPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error { //nolint:unparam // the shape of GRPCPlugin
	s.RegisterService(&nextService, nil)
	return nil
}

func (nextPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}

const nextName = "next"

var (
	nextPlugins = plugin.PluginSet{nextName: nextPlugin{}}
	handshake   = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "POTOK_BENCHMARKS_PLUGIN", MagicCookieValue: nextName}
)

// pluginLife is the descriptor of a pipe that ends when the benchmarks do, however
// that is: a plugin by itself lives on.
const pluginLife = 3

// servePlugin is the part of the plugin.
func servePlugin([]string) error {
	go func() { // this process ends with it, or before it
		_, _ = io.Copy(io.Discard, os.NewFile(pluginLife, "life"))
		os.Exit(exitOK)
	}()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake, Plugins: nextPlugins, GRPCServer: plugin.DefaultGRPCServer, Logger: hclog.NewNullLogger(),
	})
	return nil
}

// A pluginEnd is our end of a plugin.
type pluginEnd struct {
	client *plugin.Client
	conn   *grpc.ClientConn
	life   *os.File
}

func openPlugin() (*pluginEnd, error) {
	serving, err := playing("plugin")
	if err != nil {
		return nil, err
	}
	theirs, life, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(serving.path, serving.args...)
	cmd.Env = environment()
	cmd.ExtraFiles = []*os.File{theirs} // pluginLife
	p := &pluginEnd{life: life}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake, Plugins: nextPlugins, Cmd: cmd, SkipHostEnv: true, // it has ours from us
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
	})
	if p.conn, err = dispense(p.client); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if _, err := p.next(0); err != nil { // the connection stands
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func dispense(client *plugin.Client) (*grpc.ClientConn, error) {
	protocol, err := client.Client()
	if err != nil {
		return nil, err
	}
	got, err := protocol.Dispense(nextName)
	if err != nil {
		return nil, err
	}
	conn, ok := got.(*grpc.ClientConn)
	if !ok {
		return nil, fmt.Errorf("the plugin is a %T", got)
	}
	return conn, nil
}

func (p *pluginEnd) close() error {
	p.client.Kill() // waits for its end
	return p.life.Close()
}

func (p *pluginEnd) next(x int) (int, error) {
	var y int
	err := p.conn.Invoke(always, nextMethod, &x, &y, grpc.ForceCodec(numberCodec{}))
	return y, err
}

func dialPlugin() (connection, error) {
	p, err := openPlugin()
	if err != nil {
		return connection{}, err
	}
	return connection{trip: trips(p.next), hangUp: p.close}, nil
}

// manyByPlugin makes n calls, so many of them at a time that more would not help.
func manyByPlugin(n int) (s sample, err error) {
	const inFlight = 64
	p, err := openPlugin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	out := make([]int, n)
	return again(n, func() (func() error, error) {
		var errs [inFlight]error
		var taken atomic.Int64
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				for errs[i] == nil {
					x := int(taken.Add(1)) - 1
					if x >= n {
						return
					}
					out[x], errs[i] = p.next(x)
				}
			})
		}
		all.Wait()
		return func() error { return counted(out, 1) }, errors.Join(errs[:]...)
	})
}
