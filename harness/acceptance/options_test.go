package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/show/readme/readmetest"
)

// script is a script that users call.
type script struct {
	name string // from the top of the repository
	help string // what it prints with --help
	code string
}

// scripts returns the scripts of scripts/ and docker/ that have a help text.
func scripts(t *testing.T) []script {
	t.Helper()
	var found []script
	for _, folder := range []string{"scripts", "docker"} {
		names, err := filepath.Glob(filepath.Join(repository, folder, "*"))
		require.NoError(t, err)
		for _, path := range names {
			name := filepath.Join(folder, filepath.Base(path))
			if info, err := os.Stat(path); err != nil || info.IsDir() || filepath.Ext(name) != "" {
				continue
			}
			s := script{name: name, code: contents(t, name)}
			if !strings.Contains(s.code, "--help") {
				continue
			}
			help, err := exec.Command(path, "--help").Output()
			require.NoError(t, err, name)
			s.help = string(help)
			found = append(found, s)
		}
	}
	require.NotEmpty(t, found)
	return found
}

// says returns the purpose of a script: the first sentence of its help.
func (s script) says() string {
	sentence, _, _ := strings.Cut(strings.TrimSpace(s.help), "\n\n")
	return strings.Join(strings.Fields(sentence), " ")
}

// option is an argument that a help text explains.
type option struct{ name, meaning string }

var (
	optionLine = regexp.MustCompile(`^  (-\S.*?|[A-Z]+)  +(\S.*)$`)
	moreLine   = regexp.MustCompile(`^ {6,}(\S.*)$`)
	optionName = regexp.MustCompile(`--[a-z-]+`)
	// armOfCase matches where a script handles an option.
	armOfCase = regexp.MustCompile(`(?m)^\s+((?:-h \| )?--[a-z-]+(?:=\*)?(?: \| --[a-z-]+)*)\)`)
)

// options returns the arguments that the help explains, each with its meaning.
func (s script) options() []option {
	var list []option
	within := false
	for line := range strings.Lines(s.help) {
		line = strings.TrimRight(line, "\n")
		if found := optionLine.FindStringSubmatch(line); found != nil {
			list, within = append(list, option{found[1], found[2]}), true
		} else if found := moreLine.FindStringSubmatch(line); found != nil && within {
			list[len(list)-1].meaning += " " + found[1]
		} else {
			within = false
		}
	}
	return list
}

// taken returns the options that the code accepts.
func (s script) taken() []string {
	var names []string
	for _, arm := range armOfCase.FindAllStringSubmatch(s.code, -1) {
		for _, name := range optionName.FindAllString(arm[1], -1) {
			if name != "--help" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestScriptsReadmeHasEveryOption writes the tables of scripts/README.md from
// the help texts of the scripts.
func TestScriptsReadmeHasEveryOption(t *testing.T) {
	about := "| script | what it does |\n| --- | --- |\n"
	options := "| script | argument | meaning |\n| --- | --- | --- |\n"
	for _, s := range scripts(t) {
		about += fmt.Sprintf("| `%s` | %s |\n", s.name, s.says())
		for _, o := range s.options() {
			options += fmt.Sprintf("| `%s` | `%s` | %s |\n", s.name, strings.ReplaceAll(o.name, ", ", "`, `"), strings.ReplaceAll(o.meaning, "|", "\\|"))
		}
	}
	page := filepath.Join(repository, "scripts", "README.md")
	readmetest.RequireTable(t, page, "scripts", about)
	readmetest.RequireTable(t, page, "arguments", options)
}

// Each option that a script accepts is explained by its own help, or by the help of
// the script or pipelab command that it is passed to. Each option that a help
// explains is accepted.
func TestEveryOptionOfAScriptIsExplained(t *testing.T) {
	all := scripts(t)
	series := contents(t, "harness/docs/series.md") // the flags of pipelab releases
	explained := func(s script) []string {
		var names []string
		for _, o := range s.options() {
			names = append(names, optionName.FindAllString(o.name, -1)...)
		}
		return names
	}
	for _, s := range all {
		own := explained(s)
		for _, name := range s.taken() {
			if slices.Contains(own, name) {
				continue
			}
			others := slices.ContainsFunc(all, func(other script) bool {
				return other.name != s.name && strings.Contains(s.help, other.name) && slices.Contains(explained(other), name)
			})
			others = others && strings.Contains(s.help, name)
			pipelab := strings.Contains(s.help, "ARGUMENT of pipelab releases") && strings.Contains(series, "| `"+name)
			require.True(t, others || pipelab, "%s takes %s: no help explains it", s.name, name)
		}
		for _, name := range own {
			require.Contains(t, s.taken(), name, "%s does not take what its help explains", s.name)
		}
	}
}

var (
	importsFlag = regexp.MustCompile(`(?m)^\s+(?:import )?"flag"$`)
	defines     = regexp.MustCompile(`\bflags?\.(?:Bool|Int|Uint64|String|Duration)(?:Var)?\(`)
	goFlag      = regexp.MustCompile("\\bflags?\\.[A-Z]\\w+\\((?:&[\\w.]+, )?\"([\\w-]+)\", ([^,]+), \"([^\"]+)\"\\)")
	// longOption is one of the C clients of the bench.
	longOption = regexp.MustCompile(`\{ "([a-z]+)", required_argument, `)
)

// TestContributingHasEveryFlag writes the table of the flags of tests, and of
// programs that only scripts and other programs start. The flags of pipelab
// have tables of their own.
func TestContributingHasEveryFlag(t *testing.T) {
	table := "| flag of | flag | meaning | default |\n| --- | --- | --- | --- |\n"
	var ofClients []string
	for _, name := range sources(t, ".go") {
		code := contents(t, name)
		if !importsFlag.MatchString(code) {
			continue
		}
		flags := goFlag.FindAllStringSubmatch(code, -1)
		require.Len(t, flags, len(defines.FindAllString(code, -1)), "%s: a flag that has another form than the others", name)
		for _, f := range flags {
			byDefault := strings.NewReplacer(`""`, "", `"`, "", "_", "", "false", "").Replace(f[2])
			table += fmt.Sprintf("| `./%s` | `-%s` | %s | %s |\n", filepath.Dir(name), f[1], strings.ReplaceAll(f[3], "`", ""), byDefault)
			if strings.HasSuffix(filepath.Dir(name), "/clientmain") {
				ofClients = append(ofClients, f[1])
			}
		}
	}
	readmetest.RequireTable(t, filepath.Join(repository, "CONTRIBUTING.md"), "flags", table)

	var inC []string
	for _, found := range longOption.FindAllStringSubmatch(contents(t, "harness/clients/bench/client/ccommon/client.c"), -1) {
		inC = append(inC, found[1])
	}
	require.Equal(t, ofClients, inC, "the bench's clients in C take the same arguments as those in Go")
}
