// Command lean is a program with worker processes that imports nothing but potok
// and its process pools, as a user's may be. The benchmarks build it and start it
// for what depends on the program that workers are: their own binary has all rivals
// in it, so that each worker of it would begin with their init, which takes longer
// than all the rest, and have them in its memory.
//
//	lean pool N         # ns from NewPool to the first result, the median of N
//	lean bare N         # ns from the start of this program to the one byte that it answers
//	lean idle           # MB that a worker has resident, and how many of them it shares with nobody
//	lean echo SIZE N    # peaks ÷ SIZE of both sides, of N echoes
//	lean endless        # ms that an endless call failed too late, and then to the next answer
//	lean lethal N       # s until N calls that end their workers were answered
//	lean parent         # prints its two workers, of which one computes, and goes on
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/potok-go/potok/process"
)

func main() {
	process.Main()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lean:", err)
		os.Exit(1)
	}
}

// A work prints one line, its figures.
type work struct {
	numbers int // how many arguments it has
	do      func(n []int) error
}

var works = map[string]work{
	"pool":    {1, func(n []int) error { return printMedian(n[0], startPool) }},
	"bare":    {1, func(n []int) error { return printMedian(n[0], startBare) }},
	"byte":    {0, func([]int) error { return answerByte() }},
	"idle":    {0, func([]int) error { return weighIdle() }},
	"echo":    {2, func(n []int) error { return weighEcho(n[0], n[1]) }},
	"endless": {0, func([]int) error { return passDeadline() }},
	"lethal":  {1, func(n []int) error { return die(n[0]) }},
	"parent":  {0, func([]int) error { return beParent() }},
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("nothing to do")
	}
	w, ok := works[args[0]]
	if !ok || len(args) != 1+w.numbers {
		return fmt.Errorf("%q is nothing to do", args)
	}
	numbers := make([]int, w.numbers)
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.Atoi(args[1+i]); err != nil {
			return err
		}
	}
	return w.do(numbers)
}
