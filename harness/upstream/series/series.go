// Package series reads the patch series: its patches in order, the message of
// each, and what proves it.
//
// It stands beside the laboratory: the tests that check the proofs of the series
// and package submission read it through here. It knows nothing of libcurl.
package series

import (
	"bufio"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
)

// Patch is one patch of the series.
type Patch struct {
	Number  int    // as in its name: the group, and the position in it
	Name    string // of its file
	Path    string
	Author  string // "Name <address>"
	Date    string // as in its head
	Subject string // "area: what it does"
	Bug     string // URL
	Message string // what follows the subject, without the diff

	// Scenarios prove it: "scenario/driver", which fail with the patches before
	// it and pass with it.
	Scenarios []string
	// Programs are further proofs: programs of the folder "proofs" beside the
	// patches, as "name.c/driver". They exit with 1 with the patches before
	// this one, and with 0 with this one added.
	Programs []string
	// Unproven is why nothing proves it; empty when something does.
	Unproven string
}

// Read reads the series in a folder: the file "series", the patches it names,
// and the file "proof". It returns at least one patch, or an error.
func Read(folder string) ([]Patch, error) {
	text, err := os.ReadFile(filepath.Join(folder, "series"))
	if err != nil {
		return nil, fmt.Errorf("the patch series cannot be read: %w", err)
	}
	var list []Patch
	for name := range strings.FieldsSeq(string(text)) {
		p, err := readPatch(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if len(list) > 0 && p.Number <= list[len(list)-1].Number {
			return nil, fmt.Errorf("%s follows %s: list the patches in the order of their numbers", name, list[len(list)-1].Name)
		}
		list = append(list, *p)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s names no patch: name at least one, or give a folder whose series does", filepath.Join(folder, "series"))
	}
	return list, readProof(filepath.Join(folder, "proof"), list)
}

// Proofs returns all that proves the patch, empty when nothing does.
func (p *Patch) Proofs() []string { return slices.Concat(p.Scenarios, p.Programs) }

// Time returns the moment in the patch's head.
func (p *Patch) Time() (time.Time, error) {
	at, err := mail.ParseDate(p.Date)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: its Date is not of the form that mails have: %w", p.Path, err)
	}
	return at, nil
}

// groupSize is the number of numbers in a group. A new patch therefore
// renumbers none of another group.
const groupSize = 100

// readPatch reads one patch, in the form of a mail, from a file whose name
// begins with its number.
func readPatch(path string) (*Patch, error) {
	id, _, _ := strings.Cut(filepath.Base(path), "-")
	number, err := strconv.Atoi(id)
	if err != nil || number < groupSize {
		return nil, fmt.Errorf("%s: the name of a patch begins with its number, the group and the place in it, like 0203-", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("a patch of the series cannot be read: %w", err)
	}
	head, rest, found := strings.Cut(string(text), "\n\n")
	message, _, ended := strings.Cut(rest, "\n---\n")
	if !found || !ended {
		return nil, fmt.Errorf("%s is not a mail with a patch: a head, a message, \"---\" and a diff are wanted", path)
	}
	p := &Patch{Number: number, Name: filepath.Base(path), Path: path, Message: strings.TrimSpace(message)}
	for line := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "From":
			p.Author = value
		case "Date":
			p.Date = value
		case "Subject":
			p.Subject = strings.TrimPrefix(value, "[PATCH] ")
		case "Bug":
			p.Bug = value
		}
	}
	for field, value := range map[string]string{"From": p.Author, "Date": p.Date, "Subject": p.Subject, "Bug": p.Bug} {
		if value == "" {
			return nil, fmt.Errorf("%s has no line %q in its head", path, field+":")
		}
	}
	return p, nil
}

// readProof reads the proofs of the patches: a line "NUMBER SCENARIO/DRIVER…" for a
// proven patch, "NUMBER none: REASON" for any other. Every patch has a line.
func readProof(path string, list []Patch) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("what proves the patches cannot be read: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, rest, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(id)
		at := slices.IndexFunc(list, func(p Patch) bool { return p.Number == n })
		if err != nil || at < 0 || rest == "" {
			return fmt.Errorf("%s:%d: %q: a line is the number of a patch and scenarios or programs, or \"none:\" and a reason", path, number, line)
		}
		p := &list[at]
		if p.Unproven != "" || p.Proofs() != nil {
			return fmt.Errorf("%s:%d: patch %s has a line already", path, number, id)
		}
		if reason, none := strings.CutPrefix(rest, "none:"); none {
			p.Unproven = strings.TrimSpace(reason)
			continue
		}
		for proof := range strings.FieldsSeq(rest) {
			if strings.Contains(proof, ".c/") {
				p.Programs = append(p.Programs, proof)
			} else {
				p.Scenarios = append(p.Scenarios, proof)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	for _, p := range list {
		if p.Unproven == "" && p.Proofs() == nil {
			return fmt.Errorf("%s says neither what proves %s nor why nothing does", path, p.Name)
		}
	}
	return nil
}

// Absent returns the files that the patch changes and that a tree was shipped
// without: manuals and lists of tests. scripts/lib/concerns.awk has the rule.
func (p *Patch) Absent(tree string) ([]string, error) {
	found, err := checkout.Find()
	if err != nil {
		return nil, err
	}
	rule := filepath.Join(found.Folder, "scripts", "lib", "concerns.awk")
	list, err := exec.Command("awk", "-v", "tree="+tree+"/", "-v", "list=1", "-f", rule, p.Path).Output()
	if err != nil {
		return nil, fmt.Errorf("finding the files of %s that %s lacks: %w", p.Path, tree, err)
	}
	return strings.Fields(string(list)), nil
}
