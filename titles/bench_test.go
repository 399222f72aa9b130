package titles

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// BenchmarkFetch reads pages of 50 KB, whose titles stand at their beginnings, over loopback from a server that costs little itself.
func BenchmarkFetch(b *testing.B) {
	page := river + strings.Repeat("<p>the river and its bed, the banks and the tributaries\n", 50<<10/56)
	for _, coding := range []string{"identity", "gzip"} {
		b.Run("coding="+coding, func(b *testing.B) {
			body := page
			if coding == "gzip" {
				body = gzipped(b, page)
			}
			address := serveCanned(b, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: %s\r\n"+
				"Content-Length: %d\r\n\r\n%s", coding, len(body), body))
			f := New(Workers(64))
			defer f.Close()
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if page, err := f.Fetch(b.Context(), address); page.Title != "River" || err != nil {
						b.Errorf("Fetch = %+v, %v", page, err)
						return
					}
				}
			})
		})
	}
}

func gzipped(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

// serveCanned gives the same answer to every request.
func serveCanned(tb testing.TB, answer []byte) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					line, err := r.ReadSlice('\n')
					if err == nil && len(line) == 2 { // the end of a request
						_, err = conn.Write(answer)
					}
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}
