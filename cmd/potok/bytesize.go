package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// byteSize is a flag for a number of bytes: 500000, 64KiB, 1MiB, 2G. K, M and G are powers of 1,024 with and without iB behind.
type byteSize int64

func (s *byteSize) Type() string { return "bytes" }

func (s *byteSize) String() string {
	for _, u := range byteUnits {
		if *s > 0 && int64(*s)%u.size == 0 {
			return strconv.FormatInt(int64(*s)/u.size, 10) + u.name + "iB"
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *byteSize) Set(text string) error {
	number, unit := strings.ToUpper(text), int64(1)
	for _, u := range byteUnits {
		if before, after, ok := strings.Cut(number, u.name); ok && (after == "" || after == "B" || after == "IB") {
			number, unit = before, u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return errors.New("must be a number of bytes from 1, such as 500000, 64KiB or 1MiB")
	}
	*s = byteSize(n * unit)
	return nil
}

var byteUnits = []struct {
	name string
	size int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}}
