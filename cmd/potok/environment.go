package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable is the name of the environment variable that a flag takes its value from where it is not given.
func variable(flag string) string {
	return "POTOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets the flags that were not given from their variables. What is given wins, and an empty variable is none.
func fromEnvironment(cmd *cobra.Command) error {
	var faults []error
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f.Name))
		if f.Changed || value == "" || f.Name == "help" || f.Name == "version" {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			faults = append(faults, fmt.Errorf("%s=%s: %w", variable(f.Name), value, flagCause(err)))
		}
	})
	return errors.Join(faults...)
}

// typed says whether a flag was given in this command. What stands in a variable is for all commands, and says nothing where it does not fit.
func typed(cmd *cobra.Command, flag string) bool {
	return cmd.Flags().Changed(flag) && os.Getenv(variable(flag)) == ""
}

// flagCause takes off what says that the fault is a flag's.
func flagCause(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
