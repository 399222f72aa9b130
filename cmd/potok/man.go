package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan is the verb for packagers: it writes a page for each verb.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the manual pages into DIR, or that of potok to stdout",
		Args:  cobra.MaximumNArgs(1),
		Example: `  potok man | man -l -
  potok man /usr/local/share/man/man1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same program writes the same pages
			header := &doc.GenManHeader{Title: "POTOK", Section: "1", Source: "potok " + shortVersion(), Manual: "potok"}
			if len(args) == 0 {
				return doc.GenMan(root, header, cmd.OutOrStdout())
			}
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return fmt.Errorf("%s is no directory", args[0])
			}
			return doc.GenManTree(root, header, args[0])
		},
	}
}
