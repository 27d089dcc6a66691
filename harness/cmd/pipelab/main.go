// Command pipelab is the command line over the laboratory: it lists scenarios
// and runs clients through them.
//
// It parses arguments, finds libraries and subjects, and leaves the rest to
// the packages beside it. Nothing imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitExpected   = 0 // every run came out as expected
	exitUnexpected = 1 // a run did not, or none could be made
	exitUsage      = 2 // the arguments ask for something that does not exist
	exitCannotRun  = 3 // something that is needed is missing or in the way
)

// failure is an error with the exit code that it means.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(err error) error     { return &failure{exitUsage, err} }
func cannotRun(err error) error { return &failure{exitCannotRun, err} }

// What is returned when the table has said it all.
var (
	errUnexpected = &failure{exitUnexpected, errors.New("not every run came out as expected")}
	errNothing    = &failure{exitUnexpected, errors.New("not one of the runs could be made, all are n/a")}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "pipelab",
		Short:         "Put HTTP clients on the bench and see whether their pipelined connection holds",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage(errors.New("a command is needed; pipelab --help lists them"))
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		listCommand(),
		runCommand(),
		reportCommand(),
		checkCommand(),
		serveCommand(),
		soakCommand(),
		fleetCommand(),
		submitCommand(),
		packageCommand(),
		matrixCommand(),
		releasesCommand(),
		mergeCommand(),
		benchCommand(),
	)
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitExpected
	}
	fmt.Fprintf(stderr, "pipelab: %v\n", err)
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return exitUsage // cobra's own: an unknown command or flag
}
