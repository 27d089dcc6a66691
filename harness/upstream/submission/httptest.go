package submission

import (
	"fmt"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// HTTPTest is the test for curl's own tests/http. It goes to curl separately from
// the series, because it is about today's curl.
type HTTPTest struct {
	// Folder has the test's files, README.md with the table of results, and
	// message with the words of the commit.
	Folder string
	// Clone of curl's repository, which is not changed, and Ref, the branch, tag
	// or commit in it that the test goes on top of.
	Clone, Ref string
}

// HTTPTestFiles are the files of the test, in the order of their names.
var HTTPTestFiles = []string{"test_70_write_retry.py", "write_retry.c"}

// theirTests is the folder of such tests in curl.
const theirTests = "tests/http"

// Write makes a folder with the mail and the text of a pull request. The folder
// must not exist; after an error it does not.
func (h *HTTPTest) Write(folder string) error {
	if err := checkAbsent(folder); err != nil {
		return err
	}
	words, err := h.message()
	if err != nil {
		return err
	}
	return makeFolder(folder, func(scratch, made string) error {
		tree := &repository{folder: filepath.Join(scratch, "curl")}
		if err := h.commit(tree, words); err != nil {
			return err
		}
		mails := filepath.Join(made, Mails)
		if err := os.MkdirAll(mails, 0o755); err != nil {
			return fmt.Errorf("making the submission: %w", err)
		}
		_, err := tree.git(nil, "format-patch", "-q", "--base="+tree.base, "--no-signature", "--zero-commit", "-o", absolute(mails), "HEAD^")
		if err != nil {
			return err
		}
		text, err := h.pullRequest(words)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(made, PullRequest), []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing the pull request: %w", err)
		}
		return nil
	})
}

// Made lists what Write makes.
func (h *HTTPTest) Made() []Made {
	return []Made{{Mails, "the mail for git send-email or git am"}, {PullRequest, "for a pull request"}}
}

// message reads the words of the commit.
func (h *HTTPTest) message() (*series.Patch, error) {
	name := filepath.Join(h.Folder, "message")
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the words of the commit: %w", err)
	}
	defer file.Close()
	read, err := netmail.ReadMessage(file)
	if err != nil {
		return nil, fmt.Errorf("%s is no mail: %w", name, err)
	}
	body, err := io.ReadAll(read.Body)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return &series.Patch{
		Author: read.Header.Get("From"), Date: read.Header.Get("Date"), Subject: read.Header.Get("Subject"),
		Message: strings.TrimSpace(string(body)),
	}, nil
}

// commit makes a copy of the clone with the test as the newest commit.
func (h *HTTPTest) commit(tree *repository, words *series.Patch) error {
	if err := os.Mkdir(tree.folder, 0o755); err != nil {
		return fmt.Errorf("making a repository: %w", err)
	}
	if _, err := tree.git(nil, "clone", "-q", "--shared", "--no-checkout", "--", absolute(h.Clone), "."); err != nil {
		return fmt.Errorf("%s is no clone of curl's repository: %w", h.Clone, err)
	}
	base, err := tree.git(nil, "-C", absolute(h.Clone), "rev-parse", "--verify", "-q", h.Ref+"^{commit}")
	if err != nil {
		return fmt.Errorf("%s has no %s: give a branch, a tag or a commit", h.Clone, h.Ref)
	}
	tree.base = strings.TrimSpace(base)
	if _, err := tree.git(nil, "checkout", "-q", "--detach", tree.base); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(tree.folder, theirTests, "testenv")); err != nil {
		return fmt.Errorf("%s of %s has no %s/testenv: the test needs curl 8.0.0 or later", h.Ref, h.Clone, theirTests)
	}
	for _, name := range HTTPTestFiles {
		text, err := os.ReadFile(filepath.Join(h.Folder, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(tree.folder, theirTests, name), text, 0o644)
		}
		if err != nil {
			return fmt.Errorf("copying the test: %w", err)
		}
	}
	if err := distribute(filepath.Join(tree.folder, theirTests, "Makefile.am")); err != nil {
		return err
	}
	if _, err := tree.git(words, "add", "-A"); err != nil {
		return err
	}
	_, err = tree.git(words, "commit", "-q", "-m", words.Subject+"\n\n"+words.Message+"\n")
	return err
}

// lastOfDist is the line in curl's tests/http/Makefile.am that follows the list
// of files in a release.
var lastOfDist = regexp.MustCompile(`(?m)^\$\(TESTENV\)$`)

// distribute adds the files to the list in Makefile.am of files in curl's
// releases, if there is one.
func distribute(makefile string) error {
	text, err := os.ReadFile(makefile)
	if err != nil {
		return fmt.Errorf("listing the test for releases: %w", err)
	}
	at := lastOfDist.FindIndex(text)
	if at == nil {
		return nil
	}
	above := strings.TrimSuffix(string(text[:at[0]]), "\n")
	width := len(above) - strings.LastIndexByte(above, '\n') - len(`\`) - 1 // the backslashes are in one column
	var lines strings.Builder
	for _, name := range HTTPTestFiles {
		fmt.Fprintf(&lines, "%-*s\\\n", max(width, len(name)+1), name)
	}
	made := string(text[:at[0]]) + lines.String() + string(text[at[0]:])
	if err := os.WriteFile(makefile, []byte(made), 0o644); err != nil {
		return fmt.Errorf("listing the test for releases: %w", err)
	}
	return nil
}

// results finds the table of results in the test's README.
var results = regexp.MustCompile(`(?m)^\| libcurl \| result \|\n(?:\|.*\n)+`)

// pullRequest is the text of a pull request, in Markdown.
func (h *HTTPTest) pullRequest(words *series.Patch) (string, error) {
	name := filepath.Join(h.Folder, "README.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("reading the results: %w", err)
	}
	table := results.Find(text)
	if table == nil {
		return "", fmt.Errorf("%s has no table of results", name)
	}
	return fmt.Sprintf("# %s\n\n%s\n\n## What it gives\n\n%s\n"+
		"    cd tests/http && pytest %s\n", words.Subject, words.Message, table, HTTPTestFiles[0]), nil
}
