package exectest

import "github.com/potok-go/potok"

// Settings are what a case asks of the executor that it is given.
type Settings struct {
	Backlog  int  // at most so many calls queued; -1: no limit
	Refuse   bool // with a backlog: what finds no room fails; asked only where Options.Refuses
	Name     string
	Observer *potok.Observer // nil: none
}

// A Setting changes one of the Settings.
type Setting func(*Settings)

// Collect returns the settings that are asked for: Options.New turns them into
// the executor's own options.
func Collect(settings ...Setting) Settings {
	s := Settings{Backlog: -1}
	for _, set := range settings {
		set(&s)
	}
	return s
}

func backlog(n int) Setting            { return func(s *Settings) { s.Backlog = n } }
func refuseWhenFull() Setting          { return func(s *Settings) { s.Refuse = true } }
func name(n string) Setting            { return func(s *Settings) { s.Name = n } }
func observe(o potok.Observer) Setting { return func(s *Settings) { s.Observer = &o } }

// NewPool returns a Pool with these settings: the Options.New of the first
// executor, and what others may put behind their own, as Serve does.
func NewPool(workers int, settings ...Setting) *potok.Pool {
	s := Collect(settings...)
	opts := []potok.PoolOption{potok.WithName(s.Name)}
	if s.Backlog >= 0 {
		opts = append(opts, potok.WithBacklog(s.Backlog))
	}
	if s.Refuse {
		opts = append(opts, potok.RefuseWhenFull())
	}
	if s.Observer != nil {
		opts = append(opts, potok.WithObserver(*s.Observer))
	}
	return potok.NewPool(workers, opts...)
}
