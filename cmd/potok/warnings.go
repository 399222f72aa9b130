package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"strings"
)

// warnings prints what the library warns of, a line each. main has silenced what programs have by default.
type warnings struct{ w io.Writer }

// showWarnings has warnings go to w until restore is called.
func showWarnings(w io.Writer) (restore func()) {
	before, logged := slog.Default(), log.Writer()
	slog.SetDefault(slog.New(&warnings{w})) // and package log, as Info
	return func() {
		slog.SetDefault(before)
		log.SetOutput(logged)
	}
}

// Enabled leaves out what is less than a warning, as net/http's words are.
func (h *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle prints "potok: what it is (name: value, …)".
func (h *warnings) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	before := " ("
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(before + a.Key + ": " + a.Value.String())
		before = ", "
		return true
	})
	if r.NumAttrs() > 0 {
		b.WriteByte(')')
	}
	_, err := io.WriteString(h.w, "potok: "+harmless(withoutPackages(b.String()))+"\n")
	return err
}

// WithAttrs and WithGroup are not used: nobody makes a logger of the default one.
func (h *warnings) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup is as WithAttrs.
func (h *warnings) WithGroup(string) slog.Handler { return h }

// packages are what errors and logs have before them, to say whose they are: no user has to know.
var packages = []string{"potok/cluster: ", "potok/embedded: ", "potok/process: ", "potok: "}
