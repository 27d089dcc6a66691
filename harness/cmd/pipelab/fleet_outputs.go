package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/curlpipe/curlpipe/harness/many/fleet"
	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// fleetOutputs are the files for the results of a fleet, besides the table.
// Those without a name are not written.
type fleetOutputs struct {
	json, svg, html, update string
}

func (o *fleetOutputs) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.json, "json", "", "also write the results to `FILE` as JSON; - is standard output, without the table")
	flags.StringVar(&o.svg, "svg", "", "also draw the handshakes per second into `FILE`")
	flags.StringVar(&o.html, "html", "", "also make an HTML page with table and picture in `FILE`")
	flags.StringVar(&o.update, "update", "", "write the table into the Markdown `FILE`, after the comment that starts with fleet:")
}

// check finds errors that can be found before there are results.
func (o *fleetOutputs) check(s shard.Shard) error {
	if s != shard.Whole && (o.svg != "" || o.html != "" || o.update != "") {
		return usage(errors.New("a shard has no picture and no table to keep; write --json, and have pipelab merge make them"))
	}
	for flag, file := range map[string]string{"json": o.json, "svg": o.svg, "html": o.html, "update": o.update} {
		if err := checkFolder(flag, file); err != nil {
			return err
		}
	}
	return nil
}

// write prints the results and writes the files.
func (o *fleetOutputs) write(stdout io.Writer, results []*fleet.Result) error {
	var table bytes.Buffer
	if err := fleet.Table(&table, results); err != nil {
		return cannotRun(err)
	}
	if o.json == "-" {
		if err := fleet.Write(stdout, results); err != nil {
			return cannotRun(fmt.Errorf("writing the results: %w", err))
		}
	} else {
		fmt.Fprint(stdout, table.String())
	}
	for _, out := range []struct {
		file  string
		write func(io.Writer, []*fleet.Result) error
	}{{o.json, fleet.Write}, {o.svg, fleet.Picture}, {o.html, fleet.Page}} {
		if out.file == "" || out.file == "-" {
			continue
		}
		if err := report.WriteFile(out.file, func(w io.Writer) error { return out.write(w, results) }); err != nil {
			return cannotRun(err)
		}
	}
	if o.update == "" {
		return nil
	}
	write := func(w io.Writer) error { return fleet.Table(w, results) }
	if err := updateReadme(o.update, "fleet", write); err != nil {
		return cannotRun(err)
	}
	return nil
}
