package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/readme/readmetest"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// The manual of the laboratory: its README, and a page for each command.
const manual = "../.."

// pages are the files of the manual.
func pages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(manual, "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return append(names, filepath.Join(manual, "README.md"))
}

func textOf(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return string(text)
}

// requireTable compares a table between two comments of a page with the output
// of `pipelab list --json`.
func requireTable(t *testing.T, page, name, head string, items []item) {
	t.Helper()
	want := head + "\n| --- | --- |\n"
	for _, i := range items {
		want += "| `" + i.ID + "` | " + i.Summary + " |\n"
	}
	readmetest.RequireTable(t, filepath.Join(manual, "docs", page), name, want)
}

func TestManualHasTheScenarios(t *testing.T) {
	requireTable(t, "scenarios.md", "scenarios", "| scenario | what happens |", listed(t)["scenarios"])
}

// TestManualHasTheScenariosOfCheck writes the table of check's scenarios, with
// what the client may do and the rule.
func TestManualHasTheScenariosOfCheck(t *testing.T) {
	want := "| scenario | family | what happens | what the client may do |\n| --- | --- | --- | --- |\n"
	for _, s := range check.All() {
		section, _, _ := strings.Cut(s.Rule, ":")
		want += fmt.Sprintf("| `%s` | %s | %s | %s (%s) |\n", s.ID, s.Family, s.Summary, s.Allows, section)
	}
	readmetest.RequireTable(t, filepath.Join(manual, "docs", "check.md"), "check-scenarios", want)
}

// cameOutAs returns the text about stock in the table of outcomes.
func cameOutAs(d *scenario.Defect) string {
	switch {
	case d == nil:
		return "pass"
	case d.Sometimes:
		return "fail or pass"
	}
	return "fail"
}

// tableRelease is the release whose outcomes are in the manual.
const tableRelease = "7.53.1"

// TestManualHasTheOutcomes compares the table with the scenarios' expectations.
// The tests of package acceptance require that the outcomes are the expected
// ones.
func TestManualHasTheOutcomes(t *testing.T) {
	want := "| scenario | stock, perform | stock, socket | patched, both | what stock does |\n| --- | --- | --- | --- | --- |\n"
	for _, s := range scenario.All() {
		var why, came []string
		for _, driver := range []string{plan.DriverPerform, plan.DriverSocket} {
			d := s.StockDefect("", driver, tableRelease)
			if came = append(came, cameOutAs(d)); d != nil && !slices.Contains(why, d.What) {
				why = append(why, d.What)
			}
		}
		want += fmt.Sprintf("| `%s` | %s | pass | %s |\n", s.ID, strings.Join(came, " | "), strings.Join(why, "; "))
	}
	readmetest.RequireTable(t, filepath.Join(manual, "docs", "scenarios.md"), "outcomes", want)
}

func TestManualHasTheInvariants(t *testing.T) {
	requireTable(t, "run.md", "invariants", "| invariant | what holds |", listed(t)["invariants"])
}

// tableIn returns the rows of the manual's table with this head, cell by cell.
// Exactly one page must have it.
func tableIn(t *testing.T, head string) [][]string {
	t.Helper()
	var table string
	var found []string
	for _, page := range pages(t) {
		text := textOf(t, page)
		for range strings.Count(text, "\n| "+head) {
			found = append(found, filepath.Base(page))
			_, rest, _ := strings.Cut(text, "\n| "+head)
			table, _, _ = strings.Cut(rest, "\n\n")
		}
	}
	require.Len(t, found, 1, "tables that begin with %s", head)
	var rows [][]string
	for _, line := range strings.Split(strings.TrimRight(table, "\n"), "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// quoted returns the words in backticks.
func quoted(text string) []string {
	var words []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		words = append(words, match[1])
	}
	return words
}

// fieldsOf are the names that a struct has in JSON.
func fieldsOf(value any) []string {
	var names []string
	for i := range reflect.TypeOf(value).NumField() {
		name, _, _ := strings.Cut(reflect.TypeOf(value).Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func TestManualHasEveryFieldOfTheJSON(t *testing.T) {
	var documented []string
	for _, row := range tableIn(t, "field | meaning |") {
		documented = append(documented, quoted(row[0])...)
		if row[0] == "`invariants`" {
			require.Equal(t, fieldsOf(judge.Finding{}), quoted(row[1]))
		}
	}
	require.ElementsMatch(t, fieldsOf(outcome.Run{}), documented)
	for _, name := range fieldsOf(report.Document{}) {
		require.Contains(t, textOf(t, filepath.Join(manual, "docs", "run.md")), `"`+name+`": `)
	}
}

// ownWords are the commands whose flags need more than a phrase: their tables
// have words of their own.
var ownWords = []string{"run", "report", "check", "serve", "clients"}

// helpTables are the pages and commands whose tables are made of their help.
var helpTables = map[string][]string{
	"scenarios.md": {"list"},
	"soak.md":      {"soak"},
	"matrix.md":    {"matrix", "merge"},
	"fleet.md":     {"fleet", "fleet serve"},
	"bench.md":     {"bench"},
	"series.md":    {"releases", "submit", "package"},
}

// named returns the command of that name below pipelab.
func named(t *testing.T, name string) *cobra.Command {
	t.Helper()
	command, rest, err := rootCommand().Find(strings.Fields(name))
	require.NoError(t, err)
	require.Empty(t, rest)
	return command
}

// Each command that has flags has one table of them.
func TestManualHasATableForEachCommand(t *testing.T) {
	tables := slices.Clone(ownWords)
	for _, names := range helpTables {
		tables = append(tables, names...)
	}
	var commands []string
	eachCommand(rootCommand(), func(command *cobra.Command) {
		if command.HasParent() && command.LocalFlags().HasFlags() {
			commands = append(commands, strings.TrimPrefix(command.CommandPath(), "pipelab "))
		}
	})
	require.ElementsMatch(t, commands, tables)
}

func TestManualHasEveryFlag(t *testing.T) {
	for _, name := range ownWords {
		command := named(t, name)
		var documented, flags []string
		for _, row := range tableIn(t, "flag of `"+command.Name()+"`") {
			for _, flag := range quoted(row[0]) {
				name, _, _ := strings.Cut(flag, " ")
				documented = append(documented, name)
			}
		}
		command.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
		require.ElementsMatch(t, flags, documented, command.Name())
	}
}

// ownDefault is a default that a flag's text names itself.
var ownDefault = regexp.MustCompile(` \(default:? ([^)]*)\)$`)

func TestManualHasTheHelp(t *testing.T) {
	for page, names := range helpTables {
		for _, name := range names {
			command := named(t, name)
			table := "| flag of `" + name + "` | meaning | default |\n| --- | --- | --- |\n"
			command.Flags().VisitAll(func(f *pflag.Flag) {
				value, meaning := pflag.UnquoteUsage(f)
				meaning = strings.Join(strings.Fields(meaning), " ")
				byDefault := f.DefValue
				if found := ownDefault.FindStringSubmatch(meaning); found != nil {
					meaning, byDefault = strings.TrimSuffix(meaning, found[0]), found[1]
				}
				if byDefault == "0" || byDefault == "false" {
					byDefault = ""
				}
				flag := strings.TrimSpace("--" + f.Name + " " + value)
				byDefault = strings.NewReplacer("[", "", "]", "", "0.000000", "0", ", ", ", ", ",", ", ").Replace(byDefault)
				table += fmt.Sprintf("| `%s` | %s | %s |\n", flag, strings.ReplaceAll(meaning, "|", "\\|"), byDefault)
			})
			readmetest.RequireTable(t, filepath.Join(manual, "docs", page), "flags of "+name, table)
		}
	}
}

// The table of the files names each that a run leaves.
func TestManualHasEveryFileOfEvidence(t *testing.T) {
	var documented []string
	for _, row := range tableIn(t, "file | content |") {
		documented = append(documented, quoted(row[0])...)
	}
	require.ElementsMatch(t, []string{
		evidence.RunFile, evidence.EventsFile, evidence.OriginFile, evidence.PacketsFile, evidence.CaptureFile,
		evidence.OutputFile, evidence.ErrorFile,
	}, documented)
}

func TestManualHasEveryExitCode(t *testing.T) {
	for head, codes := range map[string][]int{
		"exit code | meaning |":     {exitExpected, exitUnexpected, exitUsage, exitCannotRun},
		"exit code of a subject | ": {plan.ExitDone, plan.ExitBadPlan, plan.ExitUnimplemented},
	} {
		var documented []int
		for _, row := range tableIn(t, head) {
			code, err := strconv.Atoi(row[0])
			require.NoError(t, err)
			documented = append(documented, code)
		}
		require.Equal(t, codes, documented)
	}
}

func TestManualHasEveryFolder(t *testing.T) {
	var documented []string
	for _, row := range tableIn(t, "folder | what |") {
		documented = append(documented, strings.TrimSuffix(quoted(row[0])[0], "/"))
	}
	var folders []string
	harness := os.DirFS(manual)
	for _, pattern := range []string{"*", "*/*"} {
		found, err := fs.Glob(harness, pattern)
		require.NoError(t, err)
		for _, name := range found {
			entries, err := fs.ReadDir(harness, name)
			wing := err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() })
			if err == nil && (!wing || strings.Contains(name, "/")) && !strings.HasPrefix(name, "acceptance/") && !strings.HasPrefix(name, "docs/") {
				folders = append(folders, name)
			}
		}
	}
	require.ElementsMatch(t, folders, documented)
}
