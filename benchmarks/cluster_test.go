package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// systemOf is a system that has these results.
func systemOf(out ...int) func() (system, error) {
	return func() (system, error) {
		return system{many: func(int) ([]int, error) { return out, nil }, end: func() error { return nil }}, nil
	}
}

func TestWrongResultsOfCallsAreFound(t *testing.T) {
	for name, open := range map[string]func() (system, error){
		"one is missing": systemOf(1),
		"swapped":        systemOf(2, 1),
		"one is zero":    systemOf(1, 0),
	} {
		if _, err := rushing(name, 2, open).measure(round{}); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
	if s, err := rushing("right", 2, systemOf(1, 2)).measure(round{}); err != nil || s[callsPerSecond] <= 0 {
		t.Errorf("right results: %v, %v", s, err)
	}
}

func TestAMissingServerIsSkippedWithAWord(t *testing.T) {
	old := findRedis
	defer func() { findRedis = old }()
	findRedis = func(context.Context) (tool, error) { return tool{}, errors.New("it is not installed") }
	var f farm
	if err := f.startRedis(always, nil); err != nil {
		t.Fatal(err)
	}
	if len(f.servers) > 0 || len(f.notes) != 1 || !strings.Contains(f.notes[0], "asynq: skipped, it is not installed") {
		t.Errorf("%d servers, notes %q", len(f.servers), f.notes)
	}
	s, err := unless(f.redis == "", rushing(byAsynq, 1, systemOf())).measure(round{})
	if s != nil || err != nil {
		t.Errorf("measured without a server: %v, %v", s, err)
	}
}

func TestVersionsAreShort(t *testing.T) {
	for said, want := range map[string]string{
		"nginx version: nginx/1.22.1\n":                                       "nginx/1.22.1",
		"curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1\nRelease-Date: …\n": "curl 7.88.1",
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0\n":        "Redis 7.0.15",
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n":              "PostgreSQL 15.18",
	} {
		if got := shortVersion(said); got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}
