// Command potok runs what the module's packages do from a shell: see "potok help".
//
//	potok titles https://go.dev page.html
//	potok fact 5 100
//	potok server
//	potok worker
//	potok runs
//
// It exits 0 when all went well, 1 when some page or number failed or the output could not be written, 2 when it was called wrongly, 130
// when it was interrupted; a server and a worker, which are ended in no other way, then exit 0. A verb prints its results in the order of its input, each as soon as it is known.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/potok-go/potok/process"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	process.Main() // first: the workers of --on processes are this program again, and stay here
	// A closed pipe must come back as an error of the write: the run then ends by itself, quietly and with exit code 0.
	signal.Ignore(syscall.SIGPIPE)
	log.SetOutput(io.Discard) // net/http tells there what servers do wrong
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// exitError ends the program with a code, and with no more words: they were said where it happened.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run returns the exit code. An error of a verb that is no exitError is about how it was called.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	errOut = &lockedWriter{w: errOut}
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	called, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	fmt.Fprintf(errOut, "potok: %s\nSee '%s --help'.\n", strings.TrimPrefix(err.Error(), "potok: "), called.CommandPath())
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "potok",
		Short:         "Run much at once, in bounded memory",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.ErrOrStderr())
			return errors.Join(cmd.Help(), exitError(exitUsage))
		},
	}
	root.SetVersionTemplate("potok {{.Version}}\n")
	root.AddCommand(newTitles(), newFact(), newServer(), newWorker(), newRuns(), newMan())
	return root
}
