// Command corpus reads a directory of pages whose titles are known, and prints which of them package titles gets wrong.
//
//	go run ./titles/internal/corpus DIR
//
// DIR/expected.tsv has a header row and the columns path, serve, expected and also_accepted. Expected is a JSON string, "" also for
// a page without a title; also_accepted is a JSON string or empty. Pages stand in DIR/pages. Serve tells which Content-Type a page came with:
//
//	as-shipped, meta, meta:…   text/html; what the page itself declares decides
//	header:<charset>           text/html; charset=<charset>
//	ct:<type>                  that type, to the letter
//
// It exits 1 when a title is wrong, 2 when the directory cannot be read.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/potok-go/potok/titles"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: corpus DIR")
		os.Exit(2)
	}
	wrong, total, err := check(os.Args[1], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(2)
	}
	fmt.Printf("%d wrong of %d\n", wrong, total)
	if wrong > 0 {
		os.Exit(1)
	}
}

// check writes a line for every wrong title.
func check(dir string, out io.Writer) (wrong, total int, err error) {
	list, err := os.Open(filepath.Join(dir, "expected.tsv"))
	if err != nil {
		return 0, 0, err
	}
	defer list.Close()
	lines := bufio.NewScanner(list)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // the header
	for lines.Scan() {
		columns := strings.Split(lines.Text(), "\t")
		if len(columns) != 4 {
			return wrong, total, fmt.Errorf("line %d: %d columns, want 4", total+2, len(columns))
		}
		total++
		got, err := titleOf(filepath.Join(dir, "pages", columns[0]), contentType(columns[1]))
		if err != nil {
			return wrong, total, err
		}
		if !matches(got, columns[2]) && !matches(got, columns[3]) {
			wrong++
			fmt.Fprintf(out, "%s\t%s\tgot %q\twant %s\n", columns[0], columns[1], got, columns[2])
		}
	}
	return wrong, total, lines.Err()
}

func contentType(serve string) string {
	how, value, _ := strings.Cut(serve, ":")
	switch how {
	case "header":
		return "text/html; charset=" + value
	case "ct":
		return value
	}
	return "text/html"
}

func titleOf(path, contentType string) (string, error) {
	page, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer page.Close()
	title, _, err := titles.Extract(page, contentType)
	if errors.Is(err, titles.ErrNoTitle) {
		return "", nil
	}
	return title, err
}

func matches(got, want string) bool {
	var title string
	return json.Unmarshal([]byte(want), &title) == nil && got == title
}
