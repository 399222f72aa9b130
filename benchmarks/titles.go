package main

import "fmt"

// titleGoals are about the program potok titles beside others that read the titles
// of the same pages. All are processes of their own, measured from their start to
// their end with all that belongs to it; servers and contenders share the machine.
//
// fasthttp and net/http read whole bodies and look for the title with a search for
// bytes; colly parses; curl only fetches; the notebook's worker is cell 10 of the
// lecture, three threads of Python. A slow rival reads only the beginning of the
// list. The notebook's worker is timed from after its imports, which favours it.
func titleGoals(inputs int) []goal {
	return []goal{fastPages(), longPages(), latePages(), slowPages(), manyInputs(inputs)}
}

const (
	readersAtOnce = 64
	titleRounds   = 5 // each round is many seconds

	ours     = "potok titles"
	byFast   = "fasthttp"
	byStd    = "whole bodies by net/http"
	byColly  = "colly"
	byCurl   = "curl --parallel"
	notebook = "notebook's worker"
)

func fastPages() goal {
	const size, pages = 50_000, 20_000
	w := pagesOfNginx("50 KB pages by nginx, 64 at once", size, pages,
		[]unit{pagesPerSecond, cpuPerPage, peakMemory},
		func(shop *workshop, t rivalTools) []reader {
			return []reader{
				potokTitles(shop, readersAtOnce),
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
		fasterThan(byFast, 0.6),
		fasterThan(byCurl, 1),
		fasterThan(byColly, 12),
		fasterThan(notebook, 40),
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
		[]unit{pagesPerSecond, cpuPerPage, peakMemory, shareRead},
		func(shop *workshop, t rivalTools) []reader {
			return []reader{
				potokTitles(shop, readersAtOnce),
				goReader(byFast, "fasthttp", readersAtOnce, 2),
				notebookWorker(t.python, t.noPython, 100),
			}
		},
		fasterThan(notebook, 100),
		fasterThan(byFast, 1.2),
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
			title: fmt.Sprintf("titles from a server with a latency of %d ms, %d at once", latency.Milliseconds(), c.workers),
			units: []unit{pagesPerSecond, cpuPerPage, peakMemory, shareOfMost}, maxRounds: titleRounds,
			rows:       []string{ours, byFast},
			conditions: []condition{atLeast(ours, shareOfMost, c.limit)},
		}
		most := float64(c.workers) / latency.Seconds()
		w.stage = ownServer(latePath, c.pages, lateSize, func(shop *workshop) []reader {
			return []reader{
				potokTitles(shop, c.workers),
				goReader(byFast, "fasthttp", c.workers, 1),
			}
		}, func(s sample) { s[shareOfMost] = s[pagesPerSecond] / most * 100 })
		all = append(all, w)
	}
	return goal{name: "T3", text: "titles from a server with 50 ms latency, 64 and 256 workers", workloads: all}
}

func slowPages() goal {
	w := workload{
		title: fmt.Sprintf("100 KB pages, 4 KB at once and 4 KB each further %d ms, 64 at once", slowPause.Milliseconds()),
		units: []unit{pagesPerSecond, cpuPerPage, peakMemory}, maxRounds: titleRounds,
		rows:       []string{ours, byStd},
		conditions: []condition{fasterThan(byStd, 8)},
	}
	w.stage = ownServer(slowPath, 5000, slowSize, func(shop *workshop) []reader {
		return []reader{
			potokTitles(shop, readersAtOnce),
			goReader(byStd, "net/http", readersAtOnce, 10),
		}
	}, nil)
	return goal{name: "T4", text: "titles of pages whose bodies come slowly, 64 workers", workloads: []workload{w}}
}

// fasterThan wants potok titles to read so many times the pages a second that the
// peer does, or more.
func fasterThan(peer string, times float64) condition {
	return condition{row: ours, peer: peer, unit: pagesPerSecond, limit: times, least: true}
}
