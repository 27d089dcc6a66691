// Package roster runs a list of HTTP clients through the scenarios of package
// check and makes a table of the results: a row for each client, a column for
// each family of scenarios.
//
// The clients are data, see harness/clients/roster/recipes.yaml. A client that is
// not installed is left out.
package roster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/curlpipe/curlpipe/harness/clients/subject"
)

// Recipe says how a client is run.
type Recipe struct {
	// Name as in the table.
	Name string `json:"name"`
	// Version is a command for sh. The first number with a dot in its output is
	// the version.
	Version string `json:"version"`
	// Script is the content of the file that {script} stands for.
	Script string `json:"script,omitempty"`
	// Get makes three requests one after the other, Head the same with HEAD, and
	// Upload one or more with {file} as their body; empty where the client cannot.
	Get    string `json:"get,omitempty"`
	Head   string `json:"head,omitempty"`
	Upload string `json:"upload,omitempty"`
	// GetHTTP2 and UploadHTTP2 are the same over HTTP/2.
	GetHTTP2    string `json:"http2-get,omitempty"`
	UploadHTTP2 string `json:"http2-upload,omitempty"`
	// Complaint is a pattern for the client's message about a failure, see
	// check.Setup.
	Complaint string `json:"complaint,omitempty"`
	// Gateway is true for a proxy, see check.Setup.
	Gateway bool `json:"gateway,omitempty"`
	// Connections that it may make; 0 means 1.
	Connections int `json:"connections,omitempty"`
	// Except has the scenarios that say nothing about this client, by their ids,
	// with the reasons.
	Except map[string]string `json:"except,omitempty"`
}

// Choose returns the recipes with these names, or all if there are no names. The
// error for a name that no recipe has is a [subject.UnknownError].
func Choose(recipes []Recipe, names []string) ([]Recipe, error) {
	if len(names) == 0 {
		return recipes, nil
	}
	var known []string
	var list []Recipe
	for _, r := range recipes {
		known = append(known, r.Name)
		if slices.Contains(names, r.Name) {
			list = append(list, r)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, &subject.UnknownError{What: "client", Name: name, Known: known}
		}
	}
	return list, nil
}

// Read reads recipes. The error says which one makes no sense.
func Read(file string) ([]Recipe, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the recipes of clients: %w", err)
	}
	var recipes []Recipe
	if err := yaml.UnmarshalStrict(text, &recipes); err != nil {
		return nil, fmt.Errorf("reading the recipes of clients in %s: %w", file, err)
	}
	seen := make(map[string]bool)
	for _, r := range recipes {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("%s: the recipe %q: %w", file, r.Name, err)
		}
		if seen[r.Name] {
			return nil, fmt.Errorf("%s: the recipe %q is there twice", file, r.Name)
		}
		seen[r.Name] = true
	}
	return recipes, nil
}

func (r *Recipe) check() error {
	if r.Name == "" || r.Version == "" {
		return errors.New("it has no name, or no version")
	}
	if r.Get == "" && r.GetHTTP2 == "" {
		return errors.New("it has neither get nor http2-get")
	}
	for _, command := range []string{r.Get, r.Head, r.Upload, r.GetHTTP2, r.UploadHTTP2} {
		if command != "" && !strings.Contains(command, "{url}") && !strings.Contains(command, "{port}") {
			return fmt.Errorf("%q has neither {url} nor {port}", command)
		}
	}
	if _, err := regexp.Compile(r.Complaint); err != nil {
		return fmt.Errorf("its complaint: %w", err)
	}
	plans := r.plans()
	for id := range r.Except {
		if !slices.ContainsFunc(plans, func(p plan) bool { return p.id == id }) {
			return fmt.Errorf("no scenario is called %q", id)
		}
	}
	if r.Connections < 0 {
		return errors.New("its number of connections is below 0")
	}
	return nil
}

// Places are the values of the words that package check does not know.
type Places struct {
	// Programs is the folder of the clients in Go, NPM one with node_modules in
	// it; empty for none.
	Programs, NPM string

	folder string // where scripts are written to
}

// versionTime limits how long a client may take to print its version.
const versionTime = 20 * time.Second

// varying matches what differs from run to run: addresses, ports, numbers of
// bytes, and the words in responses.
var varying = regexp.MustCompile(`0x[0-9a-f]+|127\.0\.0\.1:\d+|\b\d{4,}\b|(own|foe)[A-Z0-9]{8}`)

// counted is how many of the blocked writes were repeated in another way, which
// differs from run to run, too.
var counted = regexp.MustCompile(`^\d+ of \d+ were not; the first: `)

// number is a version.
var number = regexp.MustCompile(`\d+(\.\d+)+[a-z]?`)

// ErrMissing is the error for a client that is not installed.
var ErrMissing = errors.New("it is not installed")

// version returns the client's version. The error wraps ErrMissing.
func (r *Recipe) version(ctx context.Context, p *Places) (string, error) {
	first := strings.Fields(r.Get + " " + r.GetHTTP2)[0]
	if _, err := exec.LookPath(p.replace(first)); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	limited, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	command := exec.CommandContext(limited, "sh", "-c", p.replace(r.Version))
	command.Env = append(os.Environ(), p.environment()...)
	out, err := command.CombinedOutput()
	version := number.FindString(string(out))
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if version == "" { // some programs exit with an error after it, wrk and ab for example
		return "", fmt.Errorf("%w: %s: %v", ErrMissing, r.Version, err)
	}
	return version, nil
}

func (p *Places) replace(text string) string {
	return strings.ReplaceAll(text, "{programs}", p.Programs)
}

func (p *Places) environment() []string {
	if p.NPM == "" {
		return nil
	}
	return []string{"NODE_PATH=" + filepath.Join(p.NPM, "node_modules")}
}

// writeScript writes the script of the recipe, if it has one, and returns the
// path. Concurrent runs read the same file.
func (r *Recipe) writeScript(p *Places) (path string, err error) {
	path = filepath.Join(p.folder, strings.Map(func(c rune) rune {
		if c == ' ' || c == '/' || c == ',' {
			return '-'
		}
		return c
	}, r.Name))
	if r.Script == "" {
		return path, nil
	}
	if err := os.WriteFile(path, []byte(r.Script), 0o600); err != nil {
		return "", fmt.Errorf("writing the script of %s: %w", r.Name, err)
	}
	return path, nil
}

// command splits a command of a recipe into words.
func (p *Places) command(text, script string) []string {
	words := strings.Fields(p.replace(text))
	for i, word := range words {
		words[i] = strings.ReplaceAll(word, "{script}", script)
	}
	return words
}
