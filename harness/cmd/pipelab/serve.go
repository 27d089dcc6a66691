package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/choice"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

func serveCommand() *cobra.Command {
	var config check.Config
	var authority, id string
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the origin of check alone",
		Long: "Serves until interrupted, for a client that something else starts, and prints a line for each connection, request\n" +
			"and end of a connection.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return serve(command, config, authority, id)
		},
	}
	flags := command.Flags()
	flags.StringVar(&config.Address, "listen", "", "`HOST:PORT` (default 127.0.0.1 and a free port)")
	flags.BoolVar(&config.Plain, "plain", false, "HTTP without TLS")
	flags.BoolVar(&config.HTTP2, "http2", false, "also offer HTTP/2; needs TLS")
	flags.StringVar(&id, "scenario", "", "`ID` of the scenario to play once (default: an honest origin)")
	flags.BoolVar(&config.Stall, "stall", false, "read nothing for a tenth of a second before each answer, with a small buffer")
	flags.StringVar(&config.TLS, "tls", "", "the only `VERSION` of TLS, 1.2 or 1.3 (default both)")
	flags.StringVar(&config.Host, "host", "", "`NAME` of the origin in its URL and certificate (default the address)")
	flags.StringVar(&authority, "ca", "", "write the certificate authority of the origin to `FILE`; needs TLS")
	return command
}

// lull stands in for a client that cannot be observed: it waits long enough for
// most clients to get stuck.
type lull struct{}

// lullTime is that time.
const lullTime = 100 * time.Millisecond

func (lull) WaitStuck(ctx context.Context) bool {
	select {
	case <-time.After(lullTime):
		return true
	case <-ctx.Done():
		return false
	}
}

// lullBuffer is SO_RCVBUF in bytes if the client is to get stuck.
const lullBuffer = 8 << 10

func serve(command *cobra.Command, config check.Config, authority, id string) error {
	if config.Plain && (config.HTTP2 || authority != "") {
		return usage(errors.New("--http2 and --ca need TLS, which --plain takes away"))
	}
	if config.TLS != "" {
		if err := choice.CheckVersions([]string{config.TLS}); err != nil {
			return usage(err)
		}
	}
	config.Client = lull{}
	if id != "" {
		found, err := checkScenarios(id, config.HTTP2, config.Plain)
		if err != nil {
			return usage(err)
		}
		if len(found) > 1 {
			return usage(fmt.Errorf("--scenario %q matches %d scenarios, and serve plays one at a time", id, len(found)))
		}
		config.Scenario = found[0]
		if found[0].NeedsEngine() {
			if config.Engine, err = findProgram(subject.EngineFile, (*subject.Programs).Engine); err != nil {
				return cannotRun(err)
			}
		}
	}
	if config.Stall || config.Scenario != nil && config.Scenario.NeedsInterposer() {
		config.ReceiveBuffer = lullBuffer
	}
	out := command.OutOrStdout()
	begin := time.Now()
	config.Say = func(line string) { fmt.Fprintf(out, "%9.3f s  %s\n", time.Since(begin).Seconds(), line) }
	server, err := check.Start(config)
	if err != nil {
		return cannotRun(err)
	}
	defer server.Stop(ended())
	if authority != "" {
		err := report.WriteFile(authority, func(w io.Writer) error {
			_, err := w.Write(server.Authority())
			return err
		})
		if err != nil {
			return cannotRun(fmt.Errorf("--ca: %w", err))
		}
	}
	fmt.Fprintf(out, "%s (end with Ctrl-C)\n", server.URL())
	<-command.Context().Done()
	return nil
}

// ended returns a context that has already ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
