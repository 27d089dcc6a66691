package main

import (
	"context"
	"errors"
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
)

// fleetOptions is what the arguments of fleet ask for.
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
		Short: "Run thousands of clients against one server that stalls now and then",
		Long: "Runs many clients, each with its own connection and its own pipeline, against one TLS server, once\n" +
			"with each libcurl, and prints what they cost the server. The server now and then reads nothing on any\n" +
			"connection until it has seen that the client is stuck, or for 2 seconds. Without --server it is\n" +
			"started on the loopback interface.\n" +
			"Exits 0 exactly when writes were blocked, a patched libcurl had every request answered over one\n" +
			"connection a client, and a stock one had not. A shard exits 0 when it was run; pipelab merge puts\n" +
			"shards together and judges the whole.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runFleet(command, &o) },
	}
	flags := command.Flags()
	flags.IntVar(&o.config.Clients, "clients", 2000, "how many `CLIENTS`, in all shards")
	flags.IntVar(&o.config.Requests, "requests", 200, "how many `REQUESTS` each makes")
	flags.IntVar(&o.config.Processes, "processes", 2, "how many `PROCESSES` the clients are shared among, of each shard")
	flags.IntVar(&o.config.StallEvery, "stall-every", 40, "stall after so many `REQUESTS` of each client; 0 is never")
	flags.DurationVar(&o.patience, "patience", 10*time.Second, "a client gives up what it has under way when none of it has ended for so long a `TIME`")
	flags.StringVar(&o.config.TLS, "tls", "1.2", "`VERSION` of TLS: 1.2 or 1.3")
	flags.StringSliceVar(&o.programs, "client", []string{"c-fleet"}, "`NAME`s of the programs that are the clients: c-fleet, curlpipe-fleet")
	flags.StringSliceVar(&o.libraries, "library", []string{"stock", "patched"}, "libcurls, as with run")
	flags.DurationVar(&o.config.Limit, "limit", 10*time.Minute, "give up a run after so long a `TIME`")
	flags.StringVar(&o.config.Server, "server", "", "use the server at `URL`, which fleet serve says, and start none")
	flags.StringVar(&o.shard, "shard", shard.Whole.String(), "the part of the clients to run: `I/N`; needs --server")
	o.outputs.addTo(flags)
	command.AddCommand(fleetServeCommand())
	return command
}

// fleetServeCommand is the server, in a process of its own.
func fleetServeCommand() *cobra.Command {
	var listen, control string
	command := &cobra.Command{
		Use:   "serve",
		Short: "Be the server of fleets, until it is interrupted",
		Long: "Says as JSON at which URL the shards of a fleet reach it, and serves one run after the other: it\n" +
			"waits until all shards of a run are there, lets them go together, and when all are done tells each what\n" +
			"it has counted. fleet without --server starts one by itself.",
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
	libraries, err := findLibraries(o.libraries, found)
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

// complete works out what follows from the arguments, or says what is wrong
// with them.
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
			fmt.Fprintf(w, "pipelab: nobody listens at %s yet; waiting for the fleet's server, %s at most\n", c.Server, limit)
		}
	}
	return fleet.Run(ctx, c)
}

// judgeFleet is the error of the runs that are not as they have to be.
func judgeFleet(results []*fleet.Result) error {
	var wrong []error
	for _, r := range results {
		wrong = append(wrong, r.Judge())
	}
	if err := errors.Join(wrong...); err != nil {
		return &failure{exitUnexpected, inOneLine(err)}
	}
	return nil
}
