package submission

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// mail returns a patch that adds a line to lib/a.c.
func mail(subject, was, is string) string {
	return "From: A <a@b.example>\nDate: Mon, 23 Nov 2026 12:00:00 +0000\nSubject: [PATCH] " + subject +
		"\nBug: https://github.com/curl/curl/issues/764\n\nBecause of curl issue 1387.\n---\n lib/a.c | 2 +-\n" +
		" 1 file changed, 1 insertion(+), 1 deletion(-)\n\n" +
		"diff --git a/lib/a.c b/lib/a.c\n--- a/lib/a.c\n+++ b/lib/a.c\n@@ -1 +1 @@\n-" + was + "\n+" + is + "\n-- \nx\n"
}

// newSubmission returns a valid submission of two patches.
func newSubmission(t *testing.T) *Submission {
	t.Helper()
	patches, tree := t.TempDir(), t.TempDir()
	put(t, patches, "series", "0101-a.patch\n0202-b.patch\n")
	put(t, patches, "0101-a.patch", mail("http: keep it", "one", "two"))
	put(t, patches, "0202-b.patch", mail("multi: keep account", "two", "three"))
	put(t, patches, "proof", "0101 reported/perform\n0202 none: speed\n")
	put(t, tree, "lib/a.c", "one\n")
	// stands in for curl's, and objects to a tab
	put(t, tree, "lib/checksrc.pl", `my ($d, $f) = @ARGV; $d =~ s/^-D//; open(F, "$d/$f") or die; while(<F>) { print "$f:$.: tab\n" if /\t/; }`)
	put(t, tree, "../kept/index.html", "<p>")
	put(t, tree, "../kept/reported/run.json", "{}")
	put(t, tree, "../kept/reported/capture.pcapng", "many packets")
	return &Submission{
		For:     Upstream,
		Report:  filepath.Join(tree, "../kept"),
		Patches: patches, Tree: tree, Base: "libcurl 7.53.1",
		Build: func(int) error { return nil },
		Runs: []outcome.Run{
			{Scenario: "reported", Driver: "perform", Library: "7.53.1 stock", LibcurlVersion: "7.53.1-stock", OpenSSL: "3.0.19", Verdict: judge.Fail, Expected: judge.Fail, Connections: 19, Requests: 50, OwnResponse: 48},
			{Scenario: "reported", Driver: "perform", Library: "7.53.1 patched", LibcurlVersion: "7.53.1-doing.2", OpenSSL: "3.0.19", Verdict: judge.Pass, Expected: judge.Pass, Connections: 1, Requests: 50, OwnResponse: 50},
		},
	}
}

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(text)
}

func TestWrite(t *testing.T) {
	s := newSubmission(t)
	steps := 0
	s.Build = func(n int) error {
		require.Equal(t, steps, n)
		steps++
		return nil
	}
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, s.Write(out))
	require.Equal(t, 3, steps)

	cover := read(t, out, Mails, "0000-cover-letter.patch")
	require.Contains(t, cover, "Subject: [PATCH 0/2] HTTP/1.1 pipelining: a DOING phase")
	require.Contains(t, cover, "1 of the 2 patches have scenarios")
	require.Contains(t, cover, "OpenSSL 3.0.19")
	require.Regexp(t, `(?m)^ *reported/perform +19 +48/50 +fail +1 +50/50 +pass$`, cover)
	require.Contains(t, cover, "0002  multi: keep account\n        speed\n")
	require.Regexp(t, `(?m)^base-commit: [0-9a-f]{40}$`, cover)
	require.NotContains(t, cover, "***")

	first := read(t, out, Mails, "0001-http-keep-it.patch")
	require.Contains(t, first, "From: A <a@b.example>")
	require.Contains(t, first, "\n\nReported-by: Ameya Vaidya\nFixes #764\nBug: https://github.com/curl/curl/issues/1387\n---\n")
	require.NotContains(t, first, "Last-Update")
	require.Contains(t, read(t, out, Mails, "0002-multi-keep-account.patch"), "Bug: https://github.com/curl/curl/issues/764\n")

	pull := read(t, out, PullRequest)
	require.Contains(t, pull, "| 0001 | http: keep it | `reported/perform` |")
	require.Contains(t, pull, "| 0002 | multi: keep account | speed |")

	again := filepath.Join(t.TempDir(), "again")
	steps = 0
	require.NoError(t, s.Write(again))
	require.Equal(t, read(t, out, Tarball), read(t, again, Tarball), "the same evidence makes the same tarball")
	require.Equal(t, first, read(t, again, Mails, "0001-http-keep-it.patch"))
	require.Equal(t, []string{
		"evidence/report/index.html", "evidence/report/reported/run.json", "evidence/runs.json", "evidence/runs.txt",
	}, packed(t, filepath.Join(out, Tarball)))
}

// packed lists the files in a tarball.
func packed(t *testing.T, path string) []string {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	zip, err := gzip.NewReader(file)
	require.NoError(t, err)
	archive := tar.NewReader(zip)
	var list []string
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, header.Name)
	}
}

func TestRefused(t *testing.T) {
	for word, change := range map[string]func(s *Submission, out string){
		"exists already":                   func(_ *Submission, out string) { put(t, out, "mine", "x") },
		"0202-b.patch does not go on":      func(s *Submission, _ string) { put(t, s.Patches, "0202-b.patch", mail("multi: x", "nowhere", "three")) },
		"not in curl's style":              func(s *Submission, _ string) { put(t, s.Patches, "0202-b.patch", mail("multi: x", "two", "\tthree")) },
		"0202-b.patch: libcurl does":       func(s *Submission, _ string) { s.Build = failAt(2) },
		"without the series":               func(s *Submission, _ string) { s.Build = failAt(0) },
		"lacks proof for 0101-a":           func(s *Submission, _ string) { put(t, s.Patches, "proof", "0101 reported/socket\n0202 none: speed\n") },
		"no such file":                     func(s *Submission, _ string) { s.Report = filepath.Join(s.Report, "gone") },
		"neither what proves 0202-b":       func(s *Submission, _ string) { put(t, s.Patches, "proof", "0101 x/perform\n") },
		"the series has 2 patches":         func(s *Submission, _ string) { s.Runs[1].LibcurlVersion = "7.53.1-doing.1" },
		"did not have the expected result": func(s *Submission, _ string) { s.Runs[0].Verdict = judge.Pass },
		"1 runs of the stock and 0":        func(s *Submission, _ string) { s.Runs = s.Runs[:1] },
		"there is no run":                  func(s *Submission, _ string) { s.Runs = nil },
	} {
		t.Run(word, func(t *testing.T) {
			s := newSubmission(t)
			parent := t.TempDir()
			out := filepath.Join(parent, "out")
			change(s, out)
			before, err := os.ReadDir(parent)
			require.NoError(t, err)
			err = s.Write(out)
			require.ErrorContains(t, err, word)
			require.NotContains(t, err.Error(), "\n")
			after, err := os.ReadDir(parent)
			require.NoError(t, err)
			require.Equal(t, len(before), len(after), "nothing is left")
		})
	}
}

func failAt(step int) func(int) error {
	return func(n int) error {
		if n == step {
			return errors.New("undeclared identifier")
		}
		return nil
	}
}

func TestLongReasonsAreWrapped(t *testing.T) {
	text := strings.Repeat("word ", 40)
	got := wrap(text, "    ")
	require.Equal(t, strings.Fields(text), strings.Fields(got))
	for line := range strings.Lines(got) {
		require.Regexp(t, "^    word.{0,70}\n$", line)
	}
}

// TestOwnSeriesComesOutOfItsMails applies the mails of this repository's series
// to a new tree with git am. The result must be the tree that the series makes.
func TestOwnSeriesComesOutOfItsMails(t *testing.T) {
	trees, err := filepath.Glob(filepath.Join(cacheFolder(t), "sources", "tree-*", "lib", "checksrc.pl"))
	require.NoError(t, err)
	require.NotEmpty(t, trees, "the source of libcurl is not there: run scripts/build-libcurl")
	s := newSubmission(t)
	s.Tree = filepath.Dir(filepath.Dir(trees[0]))
	s.Patches, err = filepath.Abs("../../../patches")
	require.NoError(t, err)
	names := strings.Fields(read(t, s.Patches, "series"))
	s.Runs = runsFor(t, s.Patches)
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, s.Write(out))

	mailed, patched := fresh(t, s.Tree), fresh(t, s.Tree)
	mails, err := filepath.Glob(filepath.Join(out, Mails, "*.patch"))
	require.NoError(t, err)
	require.Len(t, mails, len(names)+1)
	run(t, mailed, "git", append([]string{"am", "-q"}, mails[1:]...)...)
	for _, name := range names {
		p := series.Patch{Path: filepath.Join(s.Patches, name)}
		absent, err := p.Absent(patched)
		require.NoError(t, err)
		apply := []string{"apply", "--index"}
		for _, file := range absent {
			apply = append(apply, "--exclude="+file)
		}
		run(t, patched, "git", append(apply, p.Path)...)
	}
	require.Equal(t, run(t, patched, "git", "write-tree"), run(t, mailed, "git", "rev-parse", "HEAD^{tree}"))
}

// runsFor returns the runs that a series' proofs name.
func runsFor(t *testing.T, folder string) []outcome.Run {
	t.Helper()
	patches, err := series.Read(folder)
	require.NoError(t, err)
	var runs []outcome.Run
	for _, p := range patches {
		for _, name := range p.Scenarios {
			id, driver, _ := strings.Cut(name, "/")
			runs = append(runs,
				outcome.Run{Scenario: id, Driver: driver, LibcurlVersion: "7.53.1-stock", Verdict: judge.Fail, Expected: judge.Fail},
				outcome.Run{
					Scenario: id, Driver: driver, LibcurlVersion: fmt.Sprintf("7.53.1-doing.%d", len(patches)),
					Verdict: judge.Pass, Expected: judge.Pass,
				})
		}
	}
	return runs
}

func cacheFolder(t *testing.T) string {
	t.Helper()
	if folder := os.Getenv("CURLPIPE_CACHE"); folder != "" {
		return folder
	}
	folder, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(folder, "curlpipe")
}

// fresh makes a git repository with a copy of a tree.
func fresh(t *testing.T, tree string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(tree)))
	run(t, folder, "git", "init", "-q")
	run(t, folder, "git", "add", "-A")
	run(t, folder, "git", "commit", "-q", "-m", "base")
	return folder
}

func run(t *testing.T, folder, program string, arguments ...string) string {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return string(said)
}
