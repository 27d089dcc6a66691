package main

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/many/fleet"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/show/report/markdown"
	"github.com/curlpipe/curlpipe/harness/show/report/page"
	"github.com/curlpipe/curlpipe/harness/show/report/picture"
	"github.com/curlpipe/curlpipe/harness/show/report/trace"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

// reportOptions are the arguments of report.
type reportOptions struct {
	page     string
	markdown string
	picture  string
	trace    string
}

func reportCommand() *cobra.Command {
	var o reportOptions
	command := &cobra.Command{
		Use:   "report DIR",
		Short: "Make an HTML page of the evidence from run --out",
		Long: "Makes DIR/index.html from the evidence in DIR: verdicts, timelines of stock and patched side by side, versions,\n" +
			"the command that repeats each run, and a fleet if pipelab fleet --json has written DIR/fleet.json. The page needs\n" +
			"no network, and no other files than the packets and JSON files that it links to. Files that cannot be read are\n" +
			"named, and the exit code is then 3.",
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) != 1 {
				return usage(errors.New("report takes one folder: the one given to run --out"))
			}
			return nil
		},
		RunE: func(command *cobra.Command, arguments []string) error {
			return makeReport(command.OutOrStdout(), arguments[0], &o)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.page, "html", "", "write the page to `FILE` (default DIR/index.html)")
	flags.StringVar(&o.markdown, "markdown", "", "write a summary in Markdown to `FILE`, for a mail or an issue; - is standard output")
	flags.StringVar(&o.picture, "picture", "", "write the timelines of all runs, one below the other, to `FILE` as SVG")
	flags.StringVar(&o.trace, "trace", "", "write the timelines to `FILE` as Chrome trace events in JSON, for ui.perfetto.dev")
	return command
}

func makeReport(stdout io.Writer, folder string, o *reportOptions) error {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return usage(fmt.Errorf("%s is a file: report takes a folder, the one given to run --out or check --out", folder))
	}
	all, unread := evidence.ReadAll(folder)
	if len(all) == 0 {
		return cannotRun(inOneLine(unread))
	}
	section, err := fleetSection(folder)
	problem := ""
	if unread = errors.Join(unread, err); unread != nil {
		unread = inOneLine(unread)
		problem = unread.Error()
	}
	file := cmp.Or(o.page, filepath.Join(folder, "index.html"))
	outputs := []struct {
		file  string
		write func(io.Writer) error
	}{
		{file, func(w io.Writer) error {
			return page.Write(w, all, page.Frame{Base: filepath.Dir(file), Problem: problem, Fleet: section})
		}},
		{o.markdown, func(w io.Writer) error { return markdown.Write(w, keptRuns(all)) }},
		{o.picture, func(w io.Writer) error { return picture.SVG(w, panels(all)...) }},
		{o.trace, func(w io.Writer) error { return trace.Write(w, panels(all)...) }},
	}
	for _, out := range outputs {
		if err := writeTo(out.file, stdout, out.write); err != nil {
			return cannotRun(err)
		}
	}
	if unread != nil {
		return cannotRun(unread)
	}
	return nil
}

// fleetFile is a file that pipelab fleet --json may have written into a folder
// of evidence.
const fleetFile = "fleet.json"

// fleetSection returns the part of the page about a fleet; empty if there is
// none.
func fleetSection(folder string) (template.HTML, error) {
	d, err := fleet.Read(filepath.Join(folder, fleetFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var section strings.Builder
	err = fleet.Section(&section, d.Runs)
	return template.HTML(section.String()), err
}

func keptRuns(all []*evidence.Evidence) []outcome.Run {
	runs := make([]outcome.Run, 0, len(all))
	for _, e := range all {
		runs = append(runs, e.Record.Run)
	}
	return runs
}

// writeTo writes a file, or to standard output for "-"; without a name it
// writes nothing.
func writeTo(name string, stdout io.Writer, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(stdout)
	}
	return report.WriteFile(name, write)
}

// panels returns the timelines of a picture, each before the one to compare it
// with.
func panels(all []*evidence.Evidence) []picture.Panel {
	several := slices.ContainsFunc(all, func(e *evidence.Evidence) bool { return e.Record.Run.Scenario != all[0].Record.Run.Scenario })
	var before, after []picture.Panel
	for _, e := range all {
		panel := picture.Panel{Title: titleOf(&e.Record.Run), Timeline: timeline.Of(e)}
		if several {
			panel.Title = e.Record.Run.Scenario + ": " + panel.Title
		}
		if e.Record.Stock() {
			before = append(before, panel)
		} else {
			after = append(after, panel)
		}
	}
	return append(before, after...)
}

// titleOf names the client of a run and describes its connections.
func titleOf(r *outcome.Run) string {
	title := r.Subject
	if r.Library != "" {
		title += ", libcurl " + r.Library
	}
	if r.Connections == 1 && r.Resets == 0 {
		return title + ": one connection that stays up"
	}
	return fmt.Sprintf("%s: %d connections, %d of them reset", title, r.Connections, r.Resets)
}

// inOneLine returns an error in one line, however many it has.
func inOneLine(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}
