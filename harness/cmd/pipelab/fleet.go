package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/checkout"
	"github.com/curlpipe/curlpipe/harness/fleet"
	"github.com/curlpipe/curlpipe/harness/generated"
)

// fleetOptions is what the arguments of fleet ask for.
type fleetOptions struct {
	clients, requests, processes, stallEvery int
	programs, libraries                      []string
	limit                                    time.Duration
	json, svg, update                        string
}

func fleetCommand() *cobra.Command {
	var o fleetOptions
	command := &cobra.Command{
		Use:   "fleet",
		Short: "Run thousands of clients against one server that stalls now and then",
		Long: "Runs many clients, each with its own connection and its own pipeline, against one TLS server on the\n" +
			"loopback interface, once with each libcurl, and prints what they cost the server. The server now and\n" +
			"then reads nothing on any connection until it has seen that the client is stuck, or for 2 seconds.\n" +
			"Exits 0 exactly when writes were blocked, a patched libcurl had every request answered over one\n" +
			"connection a client, and a stock one had not.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runFleet(command, &o) },
	}
	flags := command.Flags()
	flags.IntVar(&o.clients, "clients", 2000, "how many `CLIENTS`")
	flags.IntVar(&o.requests, "requests", 200, "how many `REQUESTS` each makes")
	flags.IntVar(&o.processes, "processes", 2, "how many `PROCESSES` the clients are shared among")
	flags.IntVar(&o.stallEvery, "stall-every", 40, "stall after so many `REQUESTS` of each client; 0 is never")
	flags.StringSliceVar(&o.programs, "client", []string{"c-fleet"}, "`NAME`s of the programs that are the clients: c-fleet, curlpipe-fleet")
	flags.StringSliceVar(&o.libraries, "library", []string{"stock", "patched"}, "libcurls, as with run")
	flags.DurationVar(&o.limit, "limit", 10*time.Minute, "give up a run after so long a `TIME`")
	flags.StringVar(&o.json, "json", "", "write the results to `FILE` as JSON, too")
	flags.StringVar(&o.svg, "svg", "", "draw the handshakes per second into `FILE`, too")
	flags.StringVar(&o.update, "update", "", "write the table into the Markdown `FILE`, after its comment that begins with fleet:")
	command.AddCommand(fleetServeCommand())
	return command
}

// fleetServeCommand is the server, in a process of its own.
func fleetServeCommand() *cobra.Command {
	var address string
	command := &cobra.Command{
		Use:   "serve STALL-EVERY",
		Short: "Be the server of a fleet, until there is no more input",
		Long: "Says its URL and its authority as JSON, stalls on each connection once after so many answers of all,\n" +
			"0 for never, and when the input ends says as JSON what it has counted. fleet starts one by itself.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			every, err := strconv.ParseInt(arguments[0], 10, 64)
			if err != nil || every < 0 {
				return usage(fmt.Errorf("STALL-EVERY is a number, 0 or more, not %q", arguments[0]))
			}
			if err := fleet.Serve(command.Context(), address, every, command.InOrStdin(), command.OutOrStdout()); err != nil {
				return cannotRun(err)
			}
			return nil
		},
	}
	command.Flags().StringVar(&address, "listen", "127.0.0.1:0", "`ADDRESS` and port of the loopback interface to listen on")
	return command
}

func runFleet(command *cobra.Command, o *fleetOptions) error {
	executable, err := os.Executable()
	if err != nil {
		return cannotRun(fmt.Errorf("finding out what to start the server with: %w", err))
	}
	config := fleet.Config{
		Clients: o.clients, Requests: o.requests, Processes: o.processes, StallEvery: o.stallEvery, Limit: o.limit,
		Server: []string{executable, "fleet", "serve"},
	}
	if err := config.Check(); err != nil {
		return usage(err)
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	if config.Interposer, err = found.Bench().Interposer(); err != nil {
		return cannotRun(err)
	}
	libraries, err := findLibraries(o.libraries, found)
	if err != nil {
		return cannotRun(err)
	}
	var results []*fleet.Result
	var wrong error
	for _, config.Client = range o.programs {
		if config.Subject, err = found.Bench().Fleet(config.Client); err != nil {
			return usage(err)
		}
		for _, config.Library = range libraries {
			label := config.Library.Label()
			fmt.Fprintf(command.ErrOrStderr(), "pipelab: %d clients in %s with libcurl %s\n", o.clients, config.Client, label)
			r, err := fleet.Run(command.Context(), config)
			if err != nil {
				return cannotRun(err)
			}
			results = append(results, r)
			wrong = errors.Join(wrong, r.Judge(config.Library.Manifest.Variant, o.stallEvery > 0))
		}
	}
	var table bytes.Buffer
	if err := fleet.Table(&table, results); err != nil {
		return cannotRun(err)
	}
	fmt.Fprint(command.OutOrStdout(), table.String())
	if o.update != "" {
		if err := generated.Replace(o.update, "fleet", generated.Table(table.String(), time.Now())); err != nil {
			return cannotRun(err)
		}
	}
	for file, write := range map[string]func(io.Writer, []*fleet.Result) error{o.json: fleet.Write, o.svg: fleet.Picture} {
		if err := writeFleet(file, results, write); err != nil {
			return cannotRun(err)
		}
	}
	if wrong != nil {
		return &failure{exitUnexpected, wrong}
	}
	return nil
}

// writeFleet writes the results to a file, unless it has no name.
func writeFleet(name string, results []*fleet.Result, write func(io.Writer, []*fleet.Result) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("writing the fleet's results: %w", err)
	}
	return errors.Join(write(file, results), file.Close())
}
