package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

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
