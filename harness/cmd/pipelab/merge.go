package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curlpipe/curlpipe/harness/many/fleet"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// mergeOptions are the arguments of merge.
type mergeOptions struct {
	runs outputs // of a matrix
	svg  string  // of a fleet
	html string
}

func mergeCommand() *cobra.Command {
	var o mergeOptions
	command := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Combine the shards of a matrix or a fleet",
		Long: "Reads all shards of one matrix or fleet, as written by pipelab matrix or fleet with --shard and --json, and\n" +
			"prints the grid or table of the whole. Exits with 0 exactly if every run had the expected result.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, names []string) error {
			if err := o.runs.check(); err != nil {
				return err
			}
			text, err := os.ReadFile(names[0])
			if err != nil {
				return cannotRun(fmt.Errorf("reading a shard: %w", err))
			}
			if fleet.IsDocument(text) {
				return mergeFleet(command, names, &o)
			}
			return mergeMatrix(command, names, &o)
		},
	}
	flags := command.Flags()
	o.runs.addTo(flags)
	flags.StringVar(&o.svg, "svg", "", "for a fleet: also draw the handshakes per second into `FILE`")
	flags.StringVar(&o.html, "html", "", "for a matrix: make `PATH`/index.html, one page with the grid and every run; for a fleet: make the page PATH")
	return command
}

func mergeMatrix(command *cobra.Command, names []string, o *mergeOptions) error {
	if o.svg != "" {
		return usage(errors.New("--svg is for a fleet; a matrix has no picture"))
	}
	d, err := merge(names, matrix.Read, matrix.Merge)
	if err != nil {
		return err
	}
	if err := show(command, d, &o.runs, o.html); err != nil {
		return err
	}
	return sum(d.Runs)
}

func mergeFleet(command *cobra.Command, names []string, o *mergeOptions) error {
	if err := notForFleets(command.Flags()); err != nil {
		return err
	}
	files := fleetOutputs{json: o.runs.json, svg: o.svg, html: o.html}
	if err := files.check(shard.Whole); err != nil {
		return err
	}
	d, err := merge(names, fleet.Read, fleet.Merge)
	if err != nil {
		return err
	}
	if err := files.write(command.OutOrStdout(), d.Runs); err != nil {
		return err
	}
	return judgeFleet(d.Runs)
}

// notForFleets refuses outputs that only a matrix has.
func notForFleets(flags *pflag.FlagSet) error {
	for _, name := range []string{"junit", "markdown"} {
		if flags.Changed(name) {
			return usage(fmt.Errorf("--%s is for a matrix; a fleet has --json, --svg and --html", name))
		}
	}
	return nil
}

// merge reads the shards and combines them.
func merge[D any](names []string, read func(string) (D, error), together func([]string, []D) (D, error)) (D, error) {
	var whole D
	var shards []D
	for _, name := range names {
		d, err := read(name)
		if err != nil {
			return whole, cannotRun(err)
		}
		shards = append(shards, d)
	}
	whole, err := together(names, shards)
	if err != nil {
		return whole, usage(err)
	}
	return whole, nil
}
