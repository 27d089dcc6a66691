package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// item is one line of a list.
type item struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
}

func listCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "list",
		Short: "List scenarios, subjects and invariants",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return list(command, asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the lists as JSON")
	return command
}

func list(command *cobra.Command, asJSON bool) error {
	var scenarios, misbehaviours, subjects, invariants []item
	for _, s := range scenario.All() {
		scenarios = append(scenarios, item{s.ID, s.Summary})
	}
	for _, s := range check.All() {
		misbehaviours = append(misbehaviours, item{s.ID, s.Summary})
	}
	for _, s := range subject.In("").Subjects() {
		subjects = append(subjects, item{s.Name, s.Summary})
	}
	for _, i := range judge.Invariants() {
		invariants = append(invariants, item{i.ID, i.Meaning})
	}
	if asJSON {
		encoder := json.NewEncoder(command.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string][]item{
			"scenarios": scenarios, "check_scenarios": misbehaviours, "subjects": subjects, "invariants": invariants,
		})
	}
	w := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, part := range []struct {
		title string
		items []item
	}{{"scenarios", scenarios}, {"check_scenarios", misbehaviours}, {"subjects", subjects}, {"invariants", invariants}} {
		fmt.Fprintf(w, "%s\n", part.title)
		for _, i := range part.items {
			fmt.Fprintf(w, "  %s\t%s\n", i.ID, i.Summary)
		}
	}
	return w.Flush()
}
