package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/many/roster"
	"github.com/curlpipe/curlpipe/harness/show/readme"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// clientsOptions are the arguments of clients.
type clientsOptions struct {
	recipes, npm, json, scenario string
	jobs                         int
	update                       bool
}

func clientsCommand() *cobra.Command {
	var o clientsOptions
	command := &cobra.Command{
		Use:   "clients [flags] [CLIENT...]",
		Short: "Test many HTTP clients with the scenarios of check",
		Long: "Runs each installed client of the recipes through every scenario of check that applies to it. Prints a table\n" +
			"in Markdown, with a row for each client and a column for each family of scenarios, and details of each fail.\n" +
			"scripts/clients builds the clients in Go and calls this command. Exits with 0 if every run was made, whatever\n" +
			"its result.",
		RunE: func(command *cobra.Command, arguments []string) error {
			if o.update && (o.scenario != "" || len(arguments) > 0) {
				return usage(errors.New("--update needs all clients and scenarios: leave CLIENT and --scenario out"))
			}
			if o.jobs < 1 {
				return usage(errors.New("--jobs has to be 1 or more"))
			}
			return runClients(command, &o, arguments)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.recipes, "recipes", "", "`FILE` with the recipes (default harness/clients/roster/recipes.yaml)")
	flags.StringVar(&o.npm, "npm", "", "`FOLDER` with a node_modules in it, for clients in JavaScript")
	flags.StringVar(&o.json, "json", "", "also write all results to `FILE` as JSON")
	flags.StringVar(&o.scenario, "scenario", "", "`GLOB` of the scenarios to run (default all)")
	flags.IntVar(&o.jobs, "jobs", 2, "number of runs at a time")
	flags.BoolVar(&o.update, "update", false, "write the table into harness/docs/clients.md")
	return command
}

func runClients(command *cobra.Command, o *clientsOptions, names []string) error {
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	if o.recipes == "" {
		o.recipes = filepath.Join(found.Folder, "harness", "clients", "roster", "recipes.yaml")
	}
	recipes, err := roster.Read(o.recipes)
	if err != nil {
		return cannotRun(err)
	}
	if recipes, err = roster.Choose(recipes, names); err != nil {
		return usage(err)
	}
	if err := checkFolder("json", o.json); err != nil {
		return err
	}
	config := roster.Config{Recipes: recipes, Jobs: o.jobs, Scenario: o.scenario, Places: roster.Places{Programs: filepath.Join(found.Folder, "build", "clients")}}
	if o.npm != "" {
		if config.Places.NPM, err = filepath.Abs(o.npm); err != nil {
			return cannotRun(fmt.Errorf("--npm: %w", err))
		}
	}
	programs := subject.In(found.Programs())
	if config.Interposer, err = programs.Interposer(); err != nil {
		return cannotRun(err)
	}
	if config.Engine, err = programs.Engine(); err != nil {
		return cannotRun(err)
	}
	config.Progress = func(row roster.Row) {
		fmt.Fprintf(command.ErrOrStderr(), "pipelab: %s %s: %d fail\n", row.Client, row.Version, row.Fails())
	}
	rows, missing, err := roster.Run(command.Context(), config)
	if err != nil {
		return cannotRun(err)
	}
	for _, r := range recipes {
		if reason := missing[r.Name]; reason != nil {
			fmt.Fprintf(command.ErrOrStderr(), "pipelab: %s is left out: %v\n", r.Name, reason)
		}
	}
	if len(rows) == 0 {
		return errNothing
	}
	return writeClients(command.OutOrStdout(), o, found, rows)
}

// writeClients writes the table to its outputs.
func writeClients(w io.Writer, o *clientsOptions, found *checkout.Checkout, rows []roster.Row) error {
	if err := roster.Write(w, rows); err != nil {
		return cannotRun(err)
	}
	if o.json != "" {
		err := report.WriteFile(o.json, func(w io.Writer) error { return roster.WriteJSON(w, rows) })
		if err != nil {
			return cannotRun(err)
		}
	}
	if o.update {
		var table strings.Builder
		_ = roster.Write(&table, rows) // a Builder does not fail
		if err := readme.Replace(filepath.Join(found.Folder, "harness", "docs", "clients.md"), "clients", table.String()); err != nil {
			return cannotRun(err)
		}
	}
	return nil
}
