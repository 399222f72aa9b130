package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// rate is a flag for how often: 5, 5/s, 30/m, 0.5. It is kept as the time in between; 0 means without limit.
type rate struct {
	every time.Duration
	text  string
}

func (r *rate) Type() string   { return "rate" }
func (r *rate) String() string { return r.text }

func (r *rate) Set(text string) error {
	number, per, _ := strings.Cut(text, "/")
	unit, known := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[per]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || strings.HasSuffix(text, "/") || math.IsNaN(n) || n < 0 || n > 0 && float64(unit)/n > float64(1000*time.Hour) {
		return errors.New("must be a number, also with /s, /m or /h behind, such as 5, 0.5/s or 30/m; 0 for no limit")
	}
	r.text, r.every = text, 0
	if n > 0 {
		r.every = time.Duration(float64(unit) / n)
	}
	return nil
}
