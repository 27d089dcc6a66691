package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/many/fleet"
	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/run/choice"
)

// fleetOptions are the arguments of fleet.
type fleetOptions struct {
	config              fleet.Config
	programs, libraries []string
	patience            time.Duration
	shard               string
	outputs             fleetOutputs
}

func fleetCommand() *cobra.Command {
	var o fleetOptions
	command := &cobra.Command{
		Use:   "fleet",
		Short: "Run thousands of clients against one server that stalls from time to time",
		Long: "Runs many clients against one TLS server, once with each libcurl, and prints what they cost the server. Each\n" +
			"client has its own connection and its own pipeline. From time to time the server stops reading from every\n" +
			"connection until the client is stuck, or for 2 seconds. Without --server, a server is started on loopback.\n" +
			"Exits with 0 exactly if writes were blocked, if every request of a patched libcurl was answered over one\n" +
			"connection for each client, and if stock failed to do so. A shard exits with 0 if it was run; pipelab merge\n" +
			"combines the shards and judges the result.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runFleet(command, &o) },
	}
	flags := command.Flags()
	flags.IntVar(&o.config.Clients, "clients", 2000, "number of `CLIENTS`, of all shards together")
	flags.IntVar(&o.config.Requests, "requests", 200, "number of `REQUESTS` of each client")
	flags.IntVar(&o.config.Processes, "processes", 2, "number of `PROCESSES` of each shard, among which its clients are divided")
	flags.IntVar(&o.config.StallEvery, "stall-every", 40, "stall after this number of `REQUESTS` of each client on average; 0 is never")
	flags.DurationVar(&o.patience, "patience", 10*time.Second, "a client gives up its requests in flight if none of them has ended for this `TIME`")
	flags.StringVar(&o.config.TLS, "tls", "1.2", "`VERSION` of TLS: 1.2 or 1.3")
	flags.StringSliceVar(&o.programs, "client", []string{"c-fleet"}, "`NAME`s of client programs: c-fleet, curlpipe-fleet")
	flags.StringSliceVar(&o.libraries, "library", []string{"stock", "patched"}, "`NAME`s of libcurls, as with run")
	flags.DurationVar(&o.config.Limit, "limit", 10*time.Minute, "give up a run after this `TIME`")
	flags.StringVar(&o.config.Server, "server", "", "use the server at `URL`, as printed by fleet serve, instead of starting one")
	flags.StringVar(&o.shard, "shard", shard.Whole.String(), "run part `I/N` of the clients; needs --server")
	o.outputs.addTo(flags)
	command.AddCommand(fleetServeCommand())
	return command
}

// fleetServeCommand is the command that runs the server, in a process of its
// own.
func fleetServeCommand() *cobra.Command {
	var listen, control string
	command := &cobra.Command{
		Use:   "serve",
		Short: "Serve fleets until interrupted",
		Long: "Prints the URL for the shards of a fleet as JSON, and serves one run after the other: waits until all shards of\n" +
			"a run are connected, starts their clients together, and sends each shard the server's counts when all are done.\n" +
			"pipelab fleet without --server starts a server by itself.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGTERM) // as containers are ended
			defer stop()
			if err := fleet.Serve(ctx, listen, control, command.OutOrStdout()); err != nil {
				return cannotRun(err)
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "`HOST:PORT` for the clients; port 0 is a free one")
	flags.StringVar(&control, "control", "127.0.0.1:0", "`HOST:PORT` for the shards; port 0 is a free one")
	return command
}

func runFleet(command *cobra.Command, o *fleetOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	if o.config.Interposer, err = subject.In(found.Programs()).Interposer(); err != nil {
		return cannotRun(err)
	}
	libraries, err := choice.FindLibraries(o.libraries, found)
	if err != nil {
		return cannotRun(err)
	}
	subjects := make([]string, len(o.programs))
	for i, name := range o.programs {
		if subjects[i], err = subject.In(found.Programs()).Fleet(name); err != nil {
			return usage(err)
		}
	}
	var results []*fleet.Result
	for i := range subjects {
		o.config.Client, o.config.Subject = o.programs[i], subjects[i]
		for _, l := range libraries {
			r, err := o.run(command.Context(), l, command.ErrOrStderr())
			if err != nil {
				return cannotRun(err)
			}
			results = append(results, r)
		}
	}
	if err := o.outputs.write(command.OutOrStdout(), results); err != nil {
		return err
	}
	if o.config.Shard != shard.Whole {
		return nil
	}
	return judgeFleet(results)
}

// complete derives the remaining settings from the arguments, or says what is
// wrong with them.
func (o *fleetOptions) complete() error {
	executable, err := os.Executable()
	if err != nil {
		return cannotRun(fmt.Errorf("finding out what to start the server with: %w", err))
	}
	o.config.Command = []string{executable, "fleet", "serve"}
	o.config.Patience = int(o.patience / time.Second)
	if time.Duration(o.config.Patience)*time.Second != o.patience {
		return usage(fmt.Errorf("--patience is in whole seconds, not %v", o.patience))
	}
	if o.config.Shard, err = shard.Parse(o.shard); err != nil {
		return usage(fmt.Errorf("--shard: %w", err))
	}
	if err := o.config.Check(); err != nil {
		return usage(err)
	}
	return o.outputs.check(o.config.Shard)
}

// run makes the run with one libcurl.
func (o *fleetOptions) run(ctx context.Context, l *library.Library, w io.Writer) (*fleet.Result, error) {
	c := o.config
	c.LoadFrom = l
	what := fmt.Sprintf("%d clients in %s with libcurl %s", c.Clients, c.Client, l.Label())
	if c.Shard != shard.Whole {
		what += ", shard " + c.Shard.String()
	}
	p := newFleetProgress(w, what, c.Clients*c.Requests)
	defer p.finish()
	c.Progress = p.at
	if c.Server != "" { // else it is being started
		c.Waiting = func(limit time.Duration) {
			fmt.Fprintf(w, "pipelab: no server at %s yet; waiting for it, %s at most\n", c.Server, limit)
		}
	}
	return fleet.Run(ctx, c)
}

// judgeFleet returns the errors of the runs that have unexpected results.
func judgeFleet(results []*fleet.Result) error {
	if err := fleet.Judge(results); err != nil {
		return &failure{exitUnexpected, inOneLine(err)}
	}
	return nil
}
