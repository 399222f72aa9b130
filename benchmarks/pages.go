package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// distinctPages is how many pages of a size there are; a list asks for them again
// and again, each time under another address.
const distinctPages = 16

// pageTitle is the title of page k: like those of the web in words and in length.
func pageTitle(k int) string {
	return fmt.Sprintf("Поток № %d: river, bed and banks - news of the stream", k)
}

// htmlPage is page k, of exactly size bytes, at least a few hundred: a head with
// the title near its beginning, as most of the web has it, then cards of headings,
// links, pictures and prose. A parser has about as much to do as with a real page.
func htmlPage(k, size int) []byte {
	random := rand.New(rand.NewPCG(uint64(k), 1))
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"ru\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n", pageTitle(k))
	head := b.String() + "</head>\n<body>\n"
	const foot = "</body>\n</html>\n"

	b.WriteString("<link rel=\"stylesheet\" href=\"/css/site.css\">\n<script>\n")
	for i := range 20 {
		fmt.Fprintf(&b, "window.site = window.site || {}; site.option%d = \"%s\";\n", i, words(random, 3))
	}
	b.WriteString("</script>\n</head>\n<body>\n")
	if b.Len()+len(foot) > size {
		b.Reset()
		b.WriteString(head)
	}
	for i := 0; ; i++ {
		card := pageCard(random, i)
		if b.Len()+len(card)+len(foot) > size {
			break
		}
		b.WriteString(card)
	}
	b.WriteString(strings.Repeat(" ", max(0, size-b.Len()-len(foot))))
	b.WriteString(foot)
	return b.Bytes()
}

func pageCard(random *rand.Rand, i int) string {
	return fmt.Sprintf("<article class=\"card wide\" id=\"a%d\">\n<h2><a href=\"/news/%d.html\">%s</a></h2>\n"+
		"<img src=\"/img/%d.jpg\" alt=\"%s\" width=\"320\" height=\"200\">\n<p>%s <b>%s</b> %s</p>\n"+
		"<ul class=\"tags\"><li><a href=\"/t/%d\">%s</a></li><li><a href=\"/t/%d\">%s</a></li></ul>\n</article>\n",
		i, random.IntN(1_000_000), words(random, 7), i, words(random, 3), words(random, 25), words(random, 2), words(random, 30),
		i, words(random, 1), i+1, words(random, 1))
}

func words(random *rand.Rand, n int) string {
	vocabulary := strings.Fields("река поток течёт к морю the river runs down its bed &mdash; вода берег мост " +
		"and under bridges &laquo;туман&raquo; morning light утро день вечер boats лодки ходят slowly past")
	picked := make([]string, n)
	for i := range picked {
		picked[i] = vocabulary[random.IntN(len(vocabulary))]
	}
	return strings.Join(picked, " ")
}

// A list is the inputs of a run: addresses of n pages.
type list struct {
	file string
	n    int
}

// address is the i-th input for a server, which is asked for it under base. No two
// are the same: some contenders fetch what they have fetched before only once.
func address(base string, i int) string {
	return fmt.Sprintf("%s/p%d.html?n=%d", base, i%distinctPages, i)
}

// writeList writes the first n addresses into a file in dir, one a line.
func writeList(dir, base string, n int) (list, error) {
	l := list{filepath.Join(dir, fmt.Sprintf("urls-%d.txt", n)), n}
	file, err := os.Create(l.file)
	if err != nil {
		return l, err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	for i := range n {
		fmt.Fprintln(w, address(base, i))
	}
	if err := w.Flush(); err != nil {
		return l, err
	}
	return l, file.Close()
}

// checkTitles says whether the titles are those of the list's pages, in any order.
func (l list) checkTitles(titles []string) error {
	want := make(map[string]int, distinctPages)
	for i := range l.n {
		want[pageTitle(i%distinctPages)]++
	}
	for _, t := range titles {
		if want[t]--; want[t] < 0 {
			return fmt.Errorf("%q is the title of no page, or of fewer pages", t)
		}
	}
	if len(titles) != l.n {
		return fmt.Errorf("%d titles of %d pages", len(titles), l.n)
	}
	return nil
}

// titleBytes is how long all titles of the list are together.
func (l list) titleBytes() int {
	total := 0
	for i := range l.n {
		total += len(pageTitle(i % distinctPages))
	}
	return total
}
