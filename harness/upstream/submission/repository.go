package submission

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// repository is a temporary git repository with the tree and, on top of it, a
// commit for each patch.
type repository struct {
	folder string
	base   string // commit of the tree
}

func (r *repository) remove() { _ = os.RemoveAll(r.folder) }

// apply makes the repository, and checks the style of each patch.
func (s *Submission) apply(patches []series.Patch) (*repository, error) {
	folder, err := os.MkdirTemp("", "curlpipe-submission-*")
	if err != nil {
		return nil, fmt.Errorf("making a repository: %w", err)
	}
	r := &repository{folder: folder}
	if err := s.applyAll(r, patches); err != nil {
		r.remove()
		return nil, err
	}
	return r, nil
}

func (s *Submission) applyAll(r *repository, patches []series.Patch) error {
	if err := os.CopyFS(r.folder, os.DirFS(s.Tree)); err != nil {
		return fmt.Errorf("copying %s: %w", s.Tree, err)
	}
	first := &series.Patch{Author: patches[0].Author, Date: patches[0].Date}
	for _, step := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", s.Base}} {
		if _, err := r.git(first, step...); err != nil {
			return err
		}
	}
	base, err := r.git(first, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	r.base = strings.TrimSpace(base)
	for i := range patches {
		p := &patches[i]
		s.tell("applying " + p.Name)
		absent, err := p.Absent(r.folder)
		if err != nil {
			return err
		}
		am := []string{"am", "-q", "--keep-cr"}
		for _, file := range absent {
			am = append(am, "--exclude="+file)
		}
		if _, err := r.git(p, append(am, absolute(p.Path))...); err != nil {
			return fmt.Errorf("%s does not go on top of %s and what is before it: %w", p.Name, s.Base, err)
		}
		if err := r.checkStyle(p); err != nil {
			return err
		}
		if _, err := r.git(p, "commit", "-q", "--amend", "-m", message(p, i == 0)); err != nil {
			return err
		}
	}
	return nil
}

// reporter is the author of the report on curl-library that became curl issue
// 764.
const (
	reporter      = "Ameya Vaidya"
	reportedIssue = "https://github.com/curl/curl/issues/764"
)

// issue finds the number of a curl issue in a message.
var issue = regexp.MustCompile(`curl issue ([0-9]+)`)

// message returns the commit message for curl: the patch's text, and trailers
// in curl's manner. The first patch mends the reported defect itself, so it
// closes the issue.
func message(p *series.Patch, first bool) string {
	text := p.Subject + "\n\n" + p.Message + "\n\n"
	if p.Bug == reportedIssue {
		text += "Reported-by: " + reporter + "\n"
	}
	if first {
		text += "Fixes #" + filepath.Base(p.Bug) + "\n"
	} else {
		text += "Bug: " + p.Bug + "\n"
	}
	for _, found := range issue.FindAllStringSubmatch(p.Message, -1) {
		if other := "https://github.com/curl/curl/issues/" + found[1]; other != p.Bug {
			text += "Bug: " + other + "\n"
		}
	}
	return text
}

// checkStyle runs curl's own checker on the C files that a patch changes.
func (r *repository) checkStyle(p *series.Patch) error {
	changed, err := r.git(p, "diff", "--name-only", "HEAD^", "HEAD")
	if err != nil {
		return err
	}
	for file := range strings.FieldsSeq(changed) {
		if ext := filepath.Ext(file); ext != ".c" && ext != ".h" {
			continue
		}
		command := exec.Command("perl", "lib/checksrc.pl", "-D"+filepath.Dir(file), filepath.Base(file))
		command.Dir = r.folder
		if said, err := command.CombinedOutput(); err != nil || len(said) > 0 {
			line, _, _ := strings.Cut(string(said), "\n")
			return fmt.Errorf("%s is not in curl's style: lib/checksrc.pl about %s: %s", p.Name, file, line)
		}
	}
	return nil
}

// writeMails writes a mail for each commit, and the template of a cover letter.
func (r *repository) writeMails(folder string) error {
	_, err := r.git(nil, "format-patch", "-q", "--cover-letter", "--base="+r.base, "--no-signature",
		"--zero-commit", "-o", absolute(folder), r.base+"..HEAD")
	return err
}

// git runs git with the author and the date of a patch, so that the same series
// always makes the same mails.
func (r *repository) git(p *series.Patch, arguments ...string) (string, error) {
	command := exec.Command("git", append([]string{"-c", "commit.gpgsign=false", "-c", "format.signOff=false"}, arguments...)...)
	command.Dir = r.folder
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "LC_ALL=C",
		"GIT_COMMITTER_NAME=curlpipe", "GIT_COMMITTER_EMAIL=authors@curlpipe.example")
	if p != nil {
		name, address, _ := strings.Cut(strings.TrimSuffix(p.Author, ">"), " <")
		command.Env = append(command.Env, "GIT_COMMITTER_DATE="+p.Date)
		if arguments[0] != "am" {
			command.Env = append(command.Env, "GIT_AUTHOR_DATE="+p.Date, "GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+address)
		}
	}
	said, err := command.CombinedOutput()
	if err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
		return "", fmt.Errorf("git %s: %s (%w)", arguments[0], line, err)
	}
	return string(said), nil
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
