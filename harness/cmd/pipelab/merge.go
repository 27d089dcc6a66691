package main

import (
	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/matrix"
)

func mergeCommand() *cobra.Command {
	var files outputs
	var html string
	command := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the shards of a matrix together and print its grid",
		Long: "Reads what pipelab matrix --shard has written with --json, all shards of one matrix, prints the\n" +
			"grid of the whole, and exits 0 exactly when every run came out as expected.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, names []string) error {
			if err := files.check(); err != nil {
				return err
			}
			var shards []*matrix.Document
			for _, name := range names {
				d, err := matrix.Read(name)
				if err != nil {
					return cannotRun(err)
				}
				shards = append(shards, d)
			}
			d, err := matrix.Merge(names, shards)
			if err != nil {
				return usage(err)
			}
			if err := show(command, d, &files, html); err != nil {
				return err
			}
			return sum(d.Runs)
		},
	}
	files.addTo(command.Flags())
	command.Flags().StringVar(&html, "html", "", htmlUsage)
	return command
}
