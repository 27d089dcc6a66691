// Command pipelab is the command line of the laboratory: it lists scenarios and
// runs clients through them.
//
// It parses arguments, calls the packages of the other folders, and prints. Nothing
// imports it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitExpected   = 0 // every run had the expected result
	exitUnexpected = 1 // a run did not, or none could be made
	exitUsage      = 2 // an argument names something that does not exist
	exitCannotRun  = 3 // something is missing, or prevents the runs
)

// failure is an error with its exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(err error) error     { return &failure{exitUsage, err} }
func cannotRun(err error) error { return &failure{exitCannotRun, err} }

// Returned if the table has said everything.
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
	root := rootCommand()
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitExpected
	}
	if strings.HasPrefix(err.Error(), "unknown command") {
		err = fmt.Errorf("%s; pipelab --help lists them", strings.SplitN(err.Error(), "\n", 2)[0])
	}
	fmt.Fprintf(stderr, "pipelab: %v\n", err)
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return exitUsage // an error of cobra's, such as an unknown command
}

// rootCommand returns pipelab with all of its commands.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "pipelab",
		Short:         "Test HTTP clients against an origin that misbehaves",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage(errors.New("a command is needed; pipelab --help lists them"))
		},
	}
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error { return usage(plainly(command, err)) })
	root.InitDefaultVersionFlag()
	root.AddCommand(
		listCommand(),
		runCommand(),
		reportCommand(),
		checkCommand(),
		serveCommand(),
		clientsCommand(),
		soakCommand(),
		fleetCommand(),
		submitCommand(),
		packageCommand(),
		matrixCommand(),
		releasesCommand(),
		mergeCommand(),
		benchCommand(),
		manCommand(),
	)
	return root
}

// version returns the version of the module, and the commit that it was built from
// if the go command has recorded it.
func version() string {
	info, known := debug.ReadBuildInfo()
	if !known {
		return "of unknown origin"
	}
	text := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			text += " " + setting.Value
		}
	}
	return strings.TrimSpace(text + ", " + info.GoVersion)
}

// wrongValue matches pflag's message about an invalid value.
var wrongValue = regexp.MustCompile(`^invalid argument "(.*)" for "(?:-., )?(--[^"]+)" flag: (.*)$`)

// plainly says in plain words what is wrong with a flag, and how to get its
// help.
func plainly(command *cobra.Command, err error) error {
	help := command.CommandPath() + " --help"
	found := wrongValue.FindStringSubmatch(err.Error())
	if found == nil {
		return fmt.Errorf("%w; %s lists them", err, help)
	}
	flag := command.Flags().Lookup(strings.TrimPrefix(found[2], "--"))
	kind := "something else"
	if flag != nil {
		kind = kinds[flag.Value.Type()]
	}
	if strings.Contains(found[3], "out of range") {
		kind += " that is not so large"
	}
	return fmt.Errorf("%s takes %s, not %q; see %s", found[2], cmp.Or(kind, "something else"), found[1], help)
}

// kinds describe the values of pflag's types.
var kinds = map[string]string{
	"int": "a whole number", "int64": "a whole number", "uint64": "a whole number, 0 or more", "float64": "a number",
	"duration": "a time as 90s or 2m", "bool": "true or false",
}
