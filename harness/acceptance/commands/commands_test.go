// Package commands_test runs the commands in the documents exactly as written.
//
// With CURLPIPE_LONG set, as in the weekly job, it also runs those that take
// longer than a test may. CURLPIPE_CURL_CLONE names the clone of curl's
// repository that some of them need. The few commands that are not run as they
// stand say in the table what stands in for them, and why.
package commands_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"sigs.k8s.io/yaml"

	"github.com/curlpipe/curlpipe/harness/build/library"
)

// limit bounds commands that hang.
const limit = 2 * time.Hour

// root is the checkout.
func root(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../..")
	require.NoError(t, err)
	return path
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(t), name))
	require.NoError(t, err)
	return string(content)
}

var (
	// comment is what follows a command in a block.
	comment = regexp.MustCompile(`(?m)\s+# .*$`)
	// invocation is a code span with a command and its arguments.
	invocation = regexp.MustCompile(`^([A-Z_]+=\S+ )*((\./)?(scripts|docker|build)/\S+|pipelab \S+|go (test|build|run|doc|mod|get|work)) `)
)

// shown returns what a document shows: the blocks of code, each without its
// comments and with continued lines joined, and the spans that are commands.
func shown(document string) (blocks, spans []string) {
	source := []byte(document)
	_ = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.FencedCodeBlock:
			if language := string(node.Language(source)); language != "" && language != "sh" {
				return ast.WalkSkipChildren, nil
			}
			blocks = append(blocks, plain(string(node.Lines().Value(source))))
		case *ast.CodeBlock:
			blocks = append(blocks, plain(string(node.Lines().Value(source))))
		case *ast.CodeSpan:
			var span strings.Builder
			for child := node.FirstChild(); child != nil; child = child.NextSibling() {
				span.Write(child.(*ast.Text).Value(source))
				if child.(*ast.Text).SoftLineBreak() {
					span.WriteByte(' ')
				}
			}
			if command := strings.Join(strings.Fields(span.String()), " "); invocation.MatchString(command) {
				spans = append(spans, command)
			}
		}
		return ast.WalkContinue, nil
	})
	return blocks, spans
}

// plain is a block without comments, its continued lines joined.
func plain(block string) string {
	block = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(block, "")
	return strings.TrimSpace(comment.ReplaceAllString(block, ""))
}

// find returns the command that a text begins with, and the rest of the text.
func find(document, block string) (*command, string) {
	for i := range table[document] {
		c := &table[document][i]
		if rest, found := strings.CutPrefix(block, c.text); found && (rest == "" || rest[0] == '\n') {
			return c, strings.TrimLeft(rest, "\n")
		}
	}
	return nil, block
}

// documents returns all documents of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	command := exec.Command("git", "ls-files", "*.md")
	command.Dir = root(t)
	list, err := command.Output()
	if err != nil { // an archive of the checkout
		var names []string
		for name := range table {
			names = append(names, name)
		}
		return names
	}
	return strings.Fields(string(list))
}

// Every command of a document is in the table, and every entry of the table is
// in a document.
func TestEveryCommandIsClassified(t *testing.T) {
	used := map[*command]bool{}
	var unknown []string
	for _, document := range documents(t) {
		blocks, spans := shown(read(t, document))
		for _, block := range blocks {
			if slices.ContainsFunc(notCommands, func(start string) bool { return strings.HasPrefix(block, start) }) {
				continue
			}
			for block != "" {
				c, rest := find(document, block)
				if c == nil {
					unknown = append(unknown, document+": "+block)
					break
				}
				used[c], block = true, rest
			}
		}
		for _, span := range spans {
			c, rest := find(document, span)
			if c == nil || rest != "" {
				unknown = append(unknown, document+": "+span)
				continue
			}
			used[c] = true
		}
	}
	require.Empty(t, unknown, "commands in the documents that are not in the table")
	for document := range table {
		for i := range table[document] {
			require.True(t, used[&table[document][i]], "%s has no command %q any more", document, table[document][i].text)
		}
	}
}

// Each command runs in a new folder, with a new home.
func TestCommands(t *testing.T) {
	for document, commands := range table {
		for i := range commands {
			c := &commands[i]
			t.Run(document+"/"+c.text, func(t *testing.T) {
				switch c.class {
				case now:
					c.run(t)
				case weekly:
					if os.Getenv("CURLPIPE_LONG") == "" {
						t.Skip("takes longer than a test may; CURLPIPE_LONG runs it")
					}
					c.run(t)
				case again:
					require.True(t, runs(c.text), "no document has this command with a way to run it")
				case aTest:
					require.Regexp(t, goTest, c.text)
				case byJob:
					requireJob(t, c.by, strings.TrimPrefix(c.text, "./"))
				case insteadTest:
					require.NotEmpty(t, c.why)
					requireTest(t, c.folder, c.by)
				case insteadJob:
					require.NotEmpty(t, c.why)
					requireJob(t, c.by, c.as)
				case byHand:
					require.NotEmpty(t, c.why)
				}
			})
		}
	}
}

// runs reports whether a command is run as it is for some document.
func runs(text string) bool {
	for _, commands := range table {
		if slices.ContainsFunc(commands, func(c command) bool {
			return strings.TrimPrefix(c.text, "./") == text && (c.class == now || c.class == weekly)
		}) {
			return true
		}
	}
	return false
}

// run runs a command in a shell, as a new user would.
func (c *command) run(t *testing.T) {
	folder, home := t.TempDir(), t.TempDir()
	script := cmp.Or(c.local, c.text)
	if c.mayFail {
		script = "{ " + script + "; } || (($? == 1))"
	}
	script = c.first + "\n" + script + "\n" + c.then
	if strings.Contains(script, "~/src/curl") {
		clone := os.Getenv("CURLPIPE_CURL_CLONE")
		if clone == "" {
			t.Skip("CURLPIPE_CURL_CLONE names no clone of curl's repository")
		}
		require.NoError(t, os.Mkdir(filepath.Join(home, "src"), 0o755))
		require.NoError(t, os.Symlink(clone, filepath.Join(home, "src", "curl")))
	}
	for _, program := range c.needs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s; scripts/setup --tests installs it", program)
		}
	}
	for _, name := range c.files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(read(t, name)), 0o600))
	}
	if c.inRoot {
		folder = root(t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", ours.ReplaceAllString(script, "${1}"+root(t)+"/${2}/"))
	shell.Dir = folder
	shell.Env = environment(t, home)
	said, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, said)
	if c.says != "" {
		require.Regexp(t, c.says, string(said))
	}
}

// ours matches a program of the checkout in a command.
var ours = regexp.MustCompile(`(^|[\s(])(?:\./)?(scripts|docker|build)/`)

// environment is a new user's, with this machine's caches, so that nothing is
// built or downloaded twice.
func environment(t *testing.T, home string) []string {
	t.Helper()
	cache, err := library.DefaultCache()
	require.NoError(t, err)
	list := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "CURLPIPE_LONG"}, name)
	})
	list = append(list, "HOME="+home, "CURLPIPE_CACHE="+cache, "CHECKOUT="+root(t),
		"PATH="+filepath.Join(root(t), "build")+":"+os.Getenv("PATH"),
		// a clone may belong to another user
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		require.NoError(t, err)
		list = append(list, name+"="+strings.TrimSpace(string(value)))
	}
	return list
}

// requireTest requires that a folder has a test with this name.
func requireTest(t *testing.T, folder, name string) {
	t.Helper()
	require.Contains(t, testsIn(t, folder), name, "%s has no such test", folder)
}

// requireJob requires that a job of the hosted CI contains a text, with its
// matrix's value in place of a variable.
func requireJob(t *testing.T, name, text string) {
	t.Helper()
	var workflow struct {
		Jobs map[string]struct {
			Strategy struct{ Matrix map[string]any }
			Steps    []struct{ Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, ".github/workflows/ci.yml")), &workflow))
	job, found := workflow.Jobs[name]
	require.True(t, found, "the hosted CI has no job %s", name)
	var lines []string
	for _, step := range job.Steps {
		step := strings.Join(strings.Fields(strings.ReplaceAll(step.Run, "\\\n", " ")), " ")
		lines = append(lines, step)
		for variable, values := range job.Strategy.Matrix {
			list, _ := values.([]any)
			for _, value := range list {
				name := "$" + strings.ToUpper(variable)
				lines = append(lines, strings.NewReplacer(`"`+name+`"`, fmt.Sprint(value), name, fmt.Sprint(value), `"`, "").Replace(step))
			}
		}
	}
	require.True(t, slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) }),
		"no step of the job %s has %q:\n%s", name, text, strings.Join(lines, "\n"))
}

// testsIn returns the names of the tests of a folder, and of those below it if
// it ends in "/...".
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	pattern := filepath.Join(root(t), folder, "*_test.go")
	var files []string
	if top, below := strings.CutSuffix(folder, "/..."); below {
		require.NoError(t, filepath.WalkDir(filepath.Join(root(t), top), func(path string, _ os.DirEntry, err error) error {
			if strings.HasSuffix(path, "_test.go") {
				files = append(files, path)
			}
			return err
		}))
	} else {
		var err error
		files, err = filepath.Glob(pattern)
		require.NoError(t, err)
	}
	var names []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range testFunction.FindAllSubmatch(source, -1) {
			names = append(names, string(found[1]))
		}
	}
	return names
}

var (
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example|Benchmark)\w*)\(`)
	// goTest matches a text that names tests.
	goTest  = regexp.MustCompile(`(cd harness && )?(go test|scripts/test)((?: -[a-z]+(?:=\S+)?(?: [A-Z0-9]\w*)?)*) (\./[a-zA-Z0-9_./]*[a-zA-Z0-9_.])( -run \w+)?`)
	runFlag = regexp.MustCompile(` -run[ =](\w+)`)
)

// If a text of the repository names tests for go test or scripts/test, these
// tests exist.
func TestNamedTestsExist(t *testing.T) {
	checked := 0
	var wrong []string
	require.NoError(t, filepath.WalkDir(root(t), func(path string, entry os.DirEntry, err error) error {
		name, _ := filepath.Rel(root(t), path)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name == ".git" || name == "build" {
				return filepath.SkipDir
			}
			return nil
		case !slices.Contains([]string{".md", ".go", ".sh", "", ".c", ".h", ".yml"}, filepath.Ext(name)):
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range goTest.FindAllSubmatch(content, -1) {
			folder, flags := filepath.Clean(string(found[4])), string(found[3])+string(found[5])
			if len(found[1]) > 0 {
				folder = filepath.Join("harness", folder)
			}
			if strings.HasSuffix(folder, "...") {
				continue
			}
			info, err := os.Stat(filepath.Join(root(t), folder))
			if err != nil || !info.IsDir() {
				wrong = append(wrong, fmt.Sprintf("%s: %s: there is no such folder", name, found[0]))
				continue
			}
			checked++
			run := runFlag.FindStringSubmatch(flags)
			if run == nil {
				continue
			}
			matches := slices.ContainsFunc(testsIn(t, folder), func(test string) bool { return strings.Contains(test, run[1]) })
			if !matches {
				wrong = append(wrong, fmt.Sprintf("%s: %s: there is no such test", name, found[0]))
			}
		}
		return nil
	}))
	require.Empty(t, wrong)
	require.Greater(t, checked, 10)
}
