//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recordsIn returns how many good records of each input a file has, and whether it ends with a whole line.
func recordsIn(t *testing.T, path string) (records map[string]int, whole bool) {
	t.Helper()
	content := contents(t, path)
	records = make(map[string]int)
	lines := bufio.NewScanner(strings.NewReader(content))
	for lines.Scan() {
		var rec jsonRecord
		if err := json.Unmarshal(lines.Bytes(), &rec); err == nil && rec.Error == "" {
			records[rec.Input]++
		}
	}
	return records, content == "" || strings.HasSuffix(content, "\n")
}

func TestAKilledRunLosesOnlyWhatWasInFlight(t *testing.T) {
	const pages, workers, kills = 300, 4, 3
	site := newSite(t)
	dir := t.TempDir()
	list, out := filepath.Join(dir, "list"), filepath.Join(dir, "out.jsonl")
	var b strings.Builder
	for i := range pages {
		fmt.Fprintf(&b, "%s/counted/%d\n", site.address, i)
	}
	write(t, list, b.String())
	args := []string{"titles", "-i", list, "-j", fmt.Sprint(workers), "--format", "json", "-o", out, "--queue", "1", "--resume"}
	for kill := range kills {
		now := args
		if kill == 0 { // nobody knows yet that it will have to go on
			now = args[:len(args)-1]
		}
		s := start(t, now...)
		for range pages / (kills + 2) {
			select {
			case <-site.counted:
			case <-time.After(patience):
				t.Fatal("it does not get on")
			}
		}
		if err := s.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		s.Wait()
	}
	s := start(t, args...)
	s.wantEnd(t, 0, "")
	done, whole := recordsIn(t, out)
	for input, n := range done {
		if n != 1 {
			t.Errorf("%d records of %s", n, input)
		}
	}
	if len(done) != pages || !whole {
		t.Errorf("%d of %d pages have a record; the file ends with a whole line: %v", len(done), pages, whole)
	}
	asked := 0
	for path, n := range site.counts() {
		if strings.HasPrefix(path, "/counted/") {
			asked += n
		}
	}
	if again := asked - pages; again < 0 || again > kills*workers {
		t.Errorf("%d pages were fetched again, at most %d were in flight", again, kills*workers)
	}
}
