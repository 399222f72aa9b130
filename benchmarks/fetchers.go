package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gocolly/colly/v2"
	"github.com/valyala/fasthttp"
)

// The rivals in Go, each a part of its own. The arguments are the file of the list
// and how many pages to read at once. At its end a rival prints how many titles it
// has found, and how long they are together.

// A tally is what a rival has found.
type tally struct{ titles, bytes atomic.Int64 }

func (t *tally) add(title int) {
	t.titles.Add(1)
	t.bytes.Add(int64(title))
}

func (t *tally) print() { fmt.Println(t.titles.Load(), t.bytes.Load()) }

// readList reads what the arguments say.
func readList(args []string) (urls []string, workers int, err error) {
	if len(args) != 2 {
		return nil, 0, errors.New("it takes a list and a number")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return nil, 0, err
	}
	workers, err = strconv.Atoi(args[1])
	return strings.Fields(string(text)), workers, err
}

// fetchAll has so many goroutines fetch the pages, and stops at the first error.
// fetch is made once for each of them.
func fetchAll(urls []string, workers int, newFetch func() func(url string) error) error {
	var next atomic.Int64
	faults := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			fetch := newFetch()
			for {
				n := int(next.Add(1)) - 1
				if n >= len(urls) {
					return
				}
				if faults[i] = fetch(urls[n]); faults[i] != nil {
					next.Store(int64(len(urls)))
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(faults...)
}

// findTitle finds the title by a search for bytes, which is enough for our pages
// and little for the web.
func findTitle(body []byte) ([]byte, error) {
	_, rest, ok := bytes.Cut(body, []byte("<title>"))
	title, _, closed := bytes.Cut(rest, []byte("</title>"))
	if !ok || !closed {
		return nil, errors.New("a page without a title")
	}
	return title, nil
}

// readByFasthttp reads whole bodies into buffers that are used again.
func readByFasthttp(args []string) error {
	urls, workers, err := readList(args)
	if err != nil {
		return err
	}
	var found tally
	client := &fasthttp.Client{MaxConnsPerHost: workers}
	err = fetchAll(urls, workers, func() func(string) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		return func(url string) error {
			req.SetRequestURI(url)
			if err := client.Do(req, resp); err != nil {
				return err
			}
			if resp.StatusCode() != http.StatusOK {
				return fmt.Errorf("status %d", resp.StatusCode())
			}
			title, err := findTitle(resp.Body())
			found.add(len(title))
			return err
		}
	})
	found.print()
	return err
}

// readByNetHTTP is what one writes without a library, but for the buffer of each
// goroutine that is used again.
func readByNetHTTP(args []string) error {
	urls, workers, err := readList(args)
	if err != nil {
		return err
	}
	var found tally
	client := &http.Client{Transport: keepAlive(workers)}
	defer client.CloseIdleConnections()
	err = fetchAll(urls, workers, func() func(string) error {
		var body bytes.Buffer
		return func(url string) error {
			if err := readWhole(client, url, &body); err != nil {
				return err
			}
			title, err := findTitle(body.Bytes())
			found.add(len(title))
			return err
		}
	})
	found.print()
	return err
}

func readWhole(client *http.Client, url string, body *bytes.Buffer) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	body.Reset()
	_, err = io.Copy(body, resp.Body)
	return err
}

// keepAlive keeps as many connections as there are workers. The default is two.
func keepAlive(workers int) *http.Transport { return &http.Transport{MaxIdleConnsPerHost: workers} }

// readByColly does what colly's own examples do, and keeps connections, which they
// do not.
func readByColly(args []string) error {
	urls, workers, err := readList(args)
	if err != nil {
		return err
	}
	var found tally
	var mu sync.Mutex // guards faults
	var faults []error
	c := colly.NewCollector(colly.Async(true))
	c.WithTransport(keepAlive(workers))
	if err := c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: workers}); err != nil {
		return err
	}
	c.OnHTML("title", func(e *colly.HTMLElement) { found.add(len(e.Text)) })
	c.OnError(func(_ *colly.Response, err error) {
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, err)
	})
	for _, url := range urls {
		if err := c.Visit(url); err != nil {
			return err
		}
	}
	c.Wait()
	found.print()
	mu.Lock()
	defer mu.Unlock()
	return errors.Join(faults...)
}
