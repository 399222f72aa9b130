package main

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// version is what the build recorded of itself: the module's version, the commit and Go's version.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " with changes"
		}
	}
	return fmt.Sprintf("%s, commit %s%s, %s", info.Main.Version, commit, modified, info.GoVersion)
}

// shortVersion is the module's version alone.
func shortVersion() string {
	v, _, _ := strings.Cut(version(), ",")
	return v
}
