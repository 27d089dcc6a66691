package main

import (
	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/matrix"
)

func mergeCommand() *cobra.Command {
	var jsonFile string
	command := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the shards of a matrix together and print its grid",
		Long: "Reads what pipelab matrix --shard has written with --json, all shards of one matrix, prints the\n" +
			"grid of the whole, and exits 0 exactly when every run came out as expected.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			if err := folderFor("--json", jsonFile); err != nil {
				return err
			}
			var shards []*matrix.Document
			for _, file := range files {
				d, err := matrix.Read(file)
				if err != nil {
					return cannotRun(err)
				}
				shards = append(shards, d)
			}
			d, err := matrix.Merge(files, shards)
			if err != nil {
				return usage(err)
			}
			if err := show(command, d, jsonFile); err != nil {
				return err
			}
			return sum(d.Runs)
		},
	}
	command.Flags().StringVar(&jsonFile, "json", "", "write the matrix to `FILE` as JSON, too")
	return command
}
