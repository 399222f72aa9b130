package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// titleGoals are about the program potok titles beside others that read the titles
// of the same pages. All are processes of their own, measured from their start to
// their end with all that belongs to it; servers and contenders share the machine.
//
// A slow rival reads only the beginning of the list. The notebook's worker is timed
// from after its imports, which favours it.
func titleGoals(inputs int) []goal {
	return []goal{fastPages(), longPages(), latePages(), slowPages(), manyInputs(inputs)}
}

const (
	readersAtOnce = 64
	titleRounds   = 5 // each round is many seconds

	ours     = "potok titles"
	byFast   = "fasthttp, whole bodies"
	byStd    = "net/http, whole bodies"
	byColly  = "colly"
	byCurl   = "curl --parallel"
	notebook = "notebook, 3 threads"
)

func fastPages() goal {
	const size, pages = 50_000, 20_000
	w := pagesOfNginx("50 KB pages by nginx, 64 at once", size, pages,
		[]unit{pagesPerSecond, cpuPerPage, mostMemory},
		func(shop *workshop, t rivalTools) []reader {
			return []reader{
				potokTitles(shop, ours, readersAtOnce),
				goReader(byFast, "fasthttp", readersAtOnce, 1),
				curlParallel(t.curl, t.noCurl, readersAtOnce, size),
				goReader(byStd, "net/http", readersAtOnce, 1),
				goReader(byColly, "colly", readersAtOnce, 10),
				notebookWorker(t.python, t.noPython, 40),
			}
		},
		timesAtMost(ours, byFast, cpuPerPage, 2),
		timesAtMost(ours, byCurl, cpuPerPage, 2),
		timesAtMost(ours, byColly, cpuPerPage, 0.083),   // 1/12
		timesAtMost(ours, notebook, cpuPerPage, 0.0285), // 1/35
		timesAtLeast(ours, byFast, pagesPerSecond, 0.6),
		timesAtLeast(ours, byCurl, pagesPerSecond, 1),
		timesAtLeast(ours, byColly, pagesPerSecond, 12),
		timesAtLeast(ours, notebook, pagesPerSecond, 40),
	)
	return goal{name: "T1", text: "titles of 50 KB pages, 64 workers", workloads: []workload{w}}
}

// longPages is about reading no more than is needed. What the client reads is
// counted, not what the server sends: on one machine the kernel takes a whole page
// off nginx at once, into buffers between the two, whether anybody wants it or not,
// so nginx's own count would be of buffers; a proxy in between would fill the same.
// Over a network the kernel would not be so quick. The counter is the kernel's, of
// bytes got by read(2); the list is read so too, which is a ten thousandth of the
// pages. curl and Python read connections by another call, which nobody counts.
func longPages() goal {
	const size, pages = 500_000, 10_000
	w := pagesOfNginx("500 KB pages by nginx, 64 at once", size, pages,
		[]unit{pagesPerSecond, cpuPerPage, mostMemory, shareRead},
		func(shop *workshop, t rivalTools) []reader {
			return []reader{
				potokTitles(shop, ours, readersAtOnce),
				goReader(byFast, "fasthttp", readersAtOnce, 2),
				notebookWorker(t.python, t.noPython, 100),
			}
		},
		timesAtLeast(ours, notebook, pagesPerSecond, 100),
		timesAtLeast(ours, byFast, pagesPerSecond, 1.2),
		atMost(ours, shareRead, 3),
	)
	return goal{name: "T2", text: "titles of 500 KB pages, 64 workers", workloads: []workload{w}}
}

// latePages is about the whole program, with its start and its end, at a server
// where workers ÷ latency is the most that can be.
func latePages() goal {
	var all []workload
	for _, c := range []struct {
		workers, pages int
		limit          float64
	}{{64, 2560, 93}, {256, 10_240, 80}} { // 40 times the latency, which is two seconds
		w := workload{
			title: fmt.Sprintf("a server with a latency of %v, %d at once", latency, c.workers),
			units: []unit{pagesPerSecond, cpuPerPage, mostMemory, shareOfMost}, maxRounds: titleRounds,
			rows:       []string{ours, byFast},
			conditions: []condition{atLeast(ours, shareOfMost, c.limit)},
		}
		most := float64(c.workers) / latency.Seconds()
		w.stage = ownServer(latePath, c.pages, lateSize, func(shop *workshop) []reader {
			return []reader{
				potokTitles(shop, ours, c.workers),
				goReader(byFast, "fasthttp", c.workers, 1),
			}
		}, func(s sample) { s[shareOfMost] = s[pagesPerSecond] / most * 100 })
		all = append(all, w)
	}
	return goal{name: "T3", text: "titles from a server with 50 ms latency, 64 and 256 workers", workloads: all}
}

func slowPages() goal {
	w := workload{
		title: fmt.Sprintf("100 KB pages, 4 KB at once and 4 KB each further %v, 64 at once", slowPause),
		units: []unit{pagesPerSecond, cpuPerPage, mostMemory}, maxRounds: titleRounds,
		rows:       []string{ours, byStd},
		conditions: []condition{timesAtLeast(ours, byStd, pagesPerSecond, 8)},
	}
	w.stage = ownServer(slowPath, 5000, slowSize, func(shop *workshop) []reader {
		return []reader{
			potokTitles(shop, ours, readersAtOnce),
			goReader(byStd, "net/http", readersAtOnce, 10),
		}
	}, nil)
	return goal{name: "T4", text: "titles of pages whose bodies come slowly, 64 workers", workloads: []workload{w}}
}

// rivalTools are what the system has, or why it has not.
type rivalTools struct {
	curl, python     tool
	noCurl, noPython error
}

// pagesOfNginx is the workload of a list of pages served by nginx. Without nginx it
// is skipped.
func pagesOfNginx(title string, size, pages int, units []unit, readers func(*workshop, rivalTools) []reader, conditions ...condition) workload {
	w := workload{title: title, units: units, conditions: conditions, maxRounds: titleRounds}
	for _, rd := range readers(nil, rivalTools{}) {
		w.rows = append(w.rows, rd.name)
	}
	w.stage = func(ctx context.Context, p plan) (scene, error) {
		nginx, missing := findNginx(ctx)
		if missing != nil || !mind.Can {
			return nothingHere(missing), nil
		}
		dir, err := p.openShop(ctx)
		if err != nil {
			return scene{}, err
		}
		var t rivalTools
		t.curl, t.noCurl = findCurl(ctx)
		t.python, t.noPython = findPython(ctx)
		base, server, err := startNginx(ctx, p.shop, nginx, dir, size)
		if err != nil {
			return scene{}, err
		}
		all := readers(p.shop, t)
		here, err := readingScene(ctx, p, dir, base, pages, size, all, nil)
		if err != nil {
			return scene{}, errors.Join(err, server.end())
		}
		here.notes = append(here.notes, toolNotes(nginx, t, all)...)
		here.leave = server.end
		return here, nil
	}
	return w
}

// ownServer is the stage of a workload of pages below path from the server of our
// own. more, if there is one, adds figures to a sample.
func ownServer(path string, pages, size int, readers func(*workshop) []reader, more func(sample)) func(context.Context, plan) (scene, error) {
	return func(ctx context.Context, p plan) (scene, error) {
		if !mind.Can {
			return nothingHere(nil), nil
		}
		dir, err := p.openShop(ctx)
		if err != nil {
			return scene{}, err
		}
		base, server, err := startPageServer(ctx, p.shop)
		if err != nil {
			return scene{}, err
		}
		here, err := readingScene(ctx, p, dir, base+path, pages, size, readers(p.shop), more)
		if err != nil {
			return scene{}, errors.Join(err, server.end())
		}
		here.leave = server.end
		return here, nil
	}
}

// nothingHere is the scene where all of a workload is skipped.
func nothingHere(missing error) scene {
	if missing == nil {
		missing = errors.New("processes are not measured on " + runtime.GOOS)
	}
	return scene{notes: []string{"skipped: " + missing.Error()}}
}

// readingScene writes the lists and measures each reader once a round.
func readingScene(ctx context.Context, p plan, dir, base string, pages, size int, readers []reader, more func(sample)) (scene, error) {
	pages = round{short: p.short}.size(pages)
	lists := make([]list, len(readers))
	var notes []string
	for i, rd := range readers {
		n := max(1, pages/rd.share)
		var err error
		if lists[i], err = writeList(dir, base, n); err != nil {
			return scene{}, err
		}
		switch {
		case rd.missing != "":
			notes = append(notes, fmt.Sprintf("%s: skipped, %s", rd.name, rd.missing))
		case n < pages:
			notes = append(notes, fmt.Sprintf("%s: the first %d of %d pages", rd.name, n, pages))
		}
	}
	measure := func(r round) ([]sample, error) {
		return r.each(len(readers), func(i int) (sample, error) {
			if readers[i].missing != "" {
				return nil, nil
			}
			s, err := readers[i].read(ctx, p.shop, lists[i], size, r.short || r.turn == 0)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", readers[i].name, err)
			}
			if more != nil {
				more(s)
			}
			return s, nil
		})
	}
	return scene{measure: measure, notes: notes}, nil
}

// toolNotes says what the system's tools are.
func toolNotes(nginx tool, t rivalTools, readers []reader) []string {
	versions := []string{nginx.version}
	for _, rd := range readers {
		switch {
		case rd.missing != "":
		case rd.name == byCurl:
			versions = append(versions, t.curl.version)
		case rd.name == notebook:
			versions = append(versions, t.python.version)
		}
	}
	return versions
}
