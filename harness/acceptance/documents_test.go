package acceptance

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const repository = "../.."

// sources returns the repository's files below the top folder with these
// endings.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(repository), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "build"):
			return fs.SkipDir
		case slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(name, end) }):
			names = append(names, name)
		}
		return nil
	}))
	require.NotEmpty(t, names)
	return names
}

func contents(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	require.NoError(t, err)
	return string(text)
}

var (
	links    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)]*))?\)`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// Every link of a document leads to an existing file of the repository, and to
// one of its headings.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, name := range sources(t, ".md") {
		for _, link := range links.FindAllStringSubmatch(contents(t, name), -1) {
			target, anchor := link[1], link[2]
			if strings.Contains(target, "://") {
				continue
			}
			file := name
			if target != "" {
				file = filepath.Join(filepath.Dir(name), target)
				_, err := os.Stat(filepath.Join(repository, file))
				require.NoError(t, err, "%s links to %s", name, target)
			}
			if anchor == "" {
				continue
			}
			var anchors []string
			for _, heading := range headings.FindAllStringSubmatch(contents(t, file), -1) {
				plain := noAnchor.ReplaceAllString(strings.ToLower(heading[1]), "")
				anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
			}
			require.Contains(t, anchors, anchor, "%s links to %s", name, link[0])
		}
	}
}

var (
	// Matches Go, C and shell code that reads one of our environment variables,
	// and constants with the name of one.
	reads = regexp.MustCompile(`(?:Getenv\(|LookupEnv\(|getenv\(|number_from_environment\(|environment\(|given\(|\w = )"((?:PIPELAB|CURLPIPE)_[A-Z_]+)"|\$\{?(CURLPIPE_[A-Z_]+)`)
	row   = regexp.MustCompile("(?m)^\\| `((?:PIPELAB|CURLPIPE)_[A-Z_]+)` \\|")
)

// Every environment variable that the code reads is in exactly one table of the
// documents, and the code reads every variable in a table.
func TestEveryVariableOfTheEnvironmentIsDocumentedOnce(t *testing.T) {
	var read, documented []string
	programs := sources(t, ".go", ".c", ".h", ".sh")
	for _, s := range scripts(t) {
		programs = append(programs, s.name)
	}
	for _, name := range programs {
		for _, found := range reads.FindAllStringSubmatch(contents(t, name), -1) {
			variable := found[1] + found[2]
			if !strings.Contains(variable, "_TEST_") && !slices.Contains(read, variable) {
				read = append(read, variable)
			}
		}
	}
	for _, name := range sources(t, ".md") {
		for _, found := range row.FindAllStringSubmatch(contents(t, name), -1) {
			documented = append(documented, found[1])
		}
	}
	require.ElementsMatch(t, read, documented)
}
