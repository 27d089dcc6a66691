package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/readme"
	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/show/report/markdown"
)

// outputs are the files for the runs, besides the table. Those without a name
// are not written.
type outputs struct {
	json, junit, markdown string
}

// each returns the files by the names of their flags, each with the function
// that writes it.
func (o *outputs) each() []output {
	return []output{
		{"json", &o.json, "also write the runs to `FILE` as JSON", func(w io.Writer, runs []outcome.Run) error {
			return report.NewDocument(runs).Write(w)
		}},
		{"junit", &o.junit, "also write the runs to `FILE` as JUnit XML, for CI", report.JUnit},
		{"markdown", &o.markdown, "also write the runs to `FILE` as Markdown, for a mail or an issue", markdown.Write},
	}
}

type output struct {
	flag  string
	file  *string
	usage string
	write func(io.Writer, []outcome.Run) error
}

func (o *outputs) addTo(flags *pflag.FlagSet) {
	for _, out := range o.each() {
		flags.StringVar(out.file, out.flag, "", out.usage)
	}
}

// check finds errors that can be found before there are runs.
func (o *outputs) check() error {
	for _, out := range o.each() {
		if err := checkFolder(out.flag, *out.file); err != nil {
			return err
		}
	}
	return nil
}

// checkFolder returns an error if there is no folder for the file that a flag
// names. An empty name needs none.
func checkFolder(flag, file string) error {
	if file == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		return cannotRun(fmt.Errorf("--%s %s: there is no folder for it: %w", flag, file, err))
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return cannotRun(fmt.Errorf("--%s %s: that is a folder: name a file in it", flag, file))
	}
	return nil
}

func (o *outputs) write(runs []outcome.Run) error {
	for _, out := range o.each() {
		if *out.file == "" {
			continue
		}
		if err := report.WriteFile(*out.file, func(w io.Writer) error { return out.write(w, runs) }); err != nil {
			return cannotRun(err)
		}
	}
	return nil
}

// updateReadme writes a table, with its date and machine, into a Markdown file,
// after the comment that begins with the name.
func updateReadme(file, name string, write func(io.Writer) error) error {
	var table bytes.Buffer
	if err := write(&table); err != nil {
		return err
	}
	return readme.Replace(file, name, readme.Table(table.String(), time.Now()))
}
