package main

import (
	"fmt"
	"os"
	"strings"
)

// partMark begins the argument that makes this binary play a part instead of
// measuring: contenders in Go and their server have to be processes of their own,
// and this is the one that is built already. It is not for users.
const partMark = "part:"

// A part is what a process does; its error is told on stderr.
type part func(args []string) error

func parts() map[string]part {
	return map[string]part{
		"serve":    serve,
		"fasthttp": readByFasthttp,
		"net/http": readByNetHTTP,
		"colly":    readByColly,
		"pipe":     answerFrames,
		"plugin":   servePlugin,
		"nats":     serveNATS,
	}
}

// playPart plays the part that the first argument names. It says false where there
// is none.
func playPart(args []string) (code int, played bool) {
	if len(args) == 0 || !strings.HasPrefix(args[0], partMark) {
		return exitOK, false
	}
	play, ok := parts()[strings.TrimPrefix(args[0], partMark)]
	if !ok {
		fmt.Fprintf(os.Stderr, "benchmarks: there is no %s\n", args[0])
		return exitUsage, true
	}
	if err := play(args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "benchmarks: %s: %v\n", args[0], err)
		return exitFault, true
	}
	return exitOK, true
}

// playing is the command that plays a part.
func playing(name string, args ...string) (command, error) {
	self, err := os.Executable()
	if err != nil {
		return command{}, fmt.Errorf("which program is this: %w", err)
	}
	return command{path: self, args: append([]string{partMark + name}, args...)}, nil
}
