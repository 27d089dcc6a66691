package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

func serveCommand() *cobra.Command {
	var config check.Config
	var authority string
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the origin of check alone and print what it sees",
		Long: "Serves until it is interrupted, for a client elsewhere on the machine, and prints a line for each\n" +
			"connection, request and end.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return serve(command, config, authority)
		},
	}
	flags := command.Flags()
	flags.StringVar(&config.Address, "listen", "", "`HOST:PORT` (default 127.0.0.1 and a free port)")
	flags.BoolVar(&config.Plain, "plain", false, "HTTP without TLS")
	flags.BoolVar(&config.HTTP2, "http2", false, "offer HTTP/2, too; needs TLS")
	flags.StringVar(&authority, "ca", "", "write the authority of the origin's certificate to `FILE`; needs TLS")
	return command
}

func serve(command *cobra.Command, config check.Config, authority string) error {
	if config.Plain && (config.HTTP2 || authority != "") {
		return usage(errors.New("--http2 and --ca need TLS, which --plain takes away"))
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

// ended is a context that leaves no time.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
