package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// What the server of our own does before and while it answers. nginx cannot wait.
const (
	latency   = 50 * time.Millisecond // of pages below latePath, before anything of them comes
	slowPiece = 4 << 10               // of pages below slowPath; one comes at once
	slowPause = 10 * time.Millisecond // before each further one
	lateSize  = 4 << 10
	slowSize  = 100 << 10
	tinySize  = 1 << 10
	latePath  = "/late"
	slowPath  = "/slow"
	tinyPath  = "/tiny"
)

// serve is the part of the server. It prints the address it listens at, and goes on
// until it is ended. It is made with fasthttp because that takes least of the
// processors, which the contenders need.
func serve([]string) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return (&fasthttp.Server{Handler: newPageHandler(), NoDefaultServerHeader: true}).Serve(l)
}

func newPageHandler() fasthttp.RequestHandler {
	pages := make(map[string][]byte) // by path
	for path, size := range map[string]int{latePath: lateSize, slowPath: slowSize, tinyPath: tinySize} {
		for k := range distinctPages {
			pages[fmt.Sprintf("%s/p%d.html", path, k)] = htmlPage(k, size)
		}
	}
	return func(ctx *fasthttp.RequestCtx) {
		path := string(ctx.Path())
		page, ok := pages[path]
		if !ok {
			ctx.Error("no such page", fasthttp.StatusNotFound)
			return
		}
		ctx.SetContentType("text/html; charset=utf-8")
		switch {
		case strings.HasPrefix(path, latePath):
			time.Sleep(latency)
		case strings.HasPrefix(path, slowPath):
			ctx.SetBodyStreamWriter(func(w *bufio.Writer) { dribble(w, page) })
			return
		}
		ctx.SetBody(page)
	}
}

// dribble writes page piece by piece, until nobody reads it any more.
func dribble(w *bufio.Writer, page []byte) {
	for len(page) > 0 {
		piece := page[:min(slowPiece, len(page))]
		if _, err := w.Write(piece); err != nil {
			return
		}
		if err := w.Flush(); err != nil {
			return
		}
		if page = page[len(piece):]; len(page) > 0 {
			time.Sleep(slowPause)
		}
	}
}

// startPageServer starts the server and returns the address that it prints.
func startPageServer(ctx context.Context, shop *workshop) (base string, server *child, err error) {
	address, server, err := startServing(ctx, shop, "serve")
	return "http://" + address, server, err
}
