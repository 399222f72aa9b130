// Command minder is the parent of a program that is measured or that serves; see
// package mind. The benchmarks build it and start it.
package main

import (
	"fmt"
	"os"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

func main() {
	if err := mind.Mind(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "minder:", err)
		os.Exit(1)
	}
}
