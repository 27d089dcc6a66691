package scripts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runtests stands in for curl's runtests.pl. It reports tests as the original
// does. Which tests fail depends on the text that the series changes and on the
// number of calls. The series adds test 6.
const runtests = `my $patched = qx(cat ../lib/version.c) =~ /hello/;
open(my $calls, '>>', 'calls'); print $calls "x"; close $calls;
my $call = -s 'calls';
my ($torture) = grep { /^-t/ } @ARGV;
my @wanted = grep { /^\d+$/ } @ARGV;
@wanted = (1 .. ($patched ? 6 : 5)) if !@wanted;
my %fails = %FAILS%;
if($torture) {
  print " 12 allocations to make fail\n";
  print $fails{$wanted[0]} ? " Failed on alloc number 7 in test.\n" : "torture OK\n";
  exit;
}
my @failed;
for my $number (@wanted) {
  if($number == 2) { print "test 0002 SKIPPED: failed starting SSH server\n"; next }
  next if $fails{$number} && $fails{$number} eq 'lost';
  if($fails{$number}) { print "FAIL: $number - that - data\n"; push @failed, $number }
  else { print "PASS: $number - that\n" }
}
print "TESTDONE: many\n";
print "TESTFAIL: These test cases failed: @failed \n" if @failed;
`

// suite makes a tree of libcurl whose tests fail in this way.
func (w *world) suite(fails string) string {
	w.t.Helper()
	tree := w.tree(map[string]string{
		"configure":           "#!/bin/sh\nexit 0\n",
		"Makefile":            "all:\n\t@true\n",
		"tests/Makefile":      "all:\n\t@true\n",
		"tests/runtests.pl":   strings.ReplaceAll(runtests, "%FAILS%", fails),
		"tests/http_pipe.py":  "#!/usr/bin/python\nParseAdditionalData(new_data)\nself.request.send(self._send_buffer[0:4096])\n",
		"tests/data/test4":    "\n",
		"tests/data/test3":    "<name>\nHTTP GET with a name\n</name>\n",
		"tests/data/test1899": "\n",
	})
	require.NoError(w.t, os.Chmod(filepath.Join(tree, "configure"), 0o755))
	return tree
}

func TestCurlSuite(t *testing.T) {
	summary := `stock: 3 passed, 1 failed (5)
patched: %PATCHED%
not run, failed starting SSH server: 1: 2
not run, and runtests.pl does not say why: %SILENT%
`
	for _, test := range []struct {
		name, fails, stdout, patched string
		code                         int
	}{
		{
			"what fails with stock too", `(5 => 1)`, "", "4 passed, 1 failed (5)", 0,
		},
		{
			"newly failing", `(5 => 1, 3 => $patched)`,
			"newly failing: 3 (HTTP GET with a name): with the series 5 of 5 times, with stock 0 of 5 times\n",
			"3 passed, 2 failed (3 5)", 1,
		},
		{
			"more often than stock", `(5 => 1, 3 => $call > 1 && ($patched || $call < 4) || $patched)`,
			"newly failing: 3 (HTTP GET with a name): with the series 5 of 5 times, with stock 2 of 5 times\n",
			"3 passed, 2 failed (3 5)", 1,
		},
		{
			"once, by chance", `(5 => 1, 3 => $patched && $call == 1)`,
			"failed once with the series and then not more often than with stock (0 and 0 of 5 times): 3\n",
			"3 passed, 2 failed (3 5)", 0,
		},
		{
			"one that the series brings", `(5 => 1, 6 => 1)`,
			"newly failing: 6 (): with the series 5 of 5 times, with stock 0 of 5 times\n", "3 passed, 2 failed (5 6)", 1,
		},
		{
			"lost", `(5 => 1, 4 => $patched ? 'lost' : 0)`,
			"ran with stock and not with the series: 4\n", "3 passed, 1 failed (5)", 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			fails := test.fails
			if strings.Contains(fails, "6 =>") { // stock has no such test
				fails = strings.Replace(fails, "6 => 1", "6 => $patched", 1)
			}
			tree := w.suite(fails)
			got := w.run("curl-suite", "--source", tree, "--patches", w.series("0001.patch", goodPatch))
			require.Equal(t, test.code, got.code, got.stderr+got.stdout)
			want := test.stdout + "curl 7.53.1, folder " + tree + "; OpenSSL "
			require.True(t, strings.HasPrefix(got.stdout, want), got.stdout)
			_, rest, _ := strings.Cut(got.stdout, "OpenSSL ")
			_, rest, _ = strings.Cut(rest, "\n")
			if strings.HasPrefix(rest, "built without") { // what this machine lacks headers for
				_, rest, _ = strings.Cut(rest, "\n")
			}
			silent := "1899"
			if test.name == "lost" {
				silent = "4 1899"
			}
			want = strings.NewReplacer("%PATCHED%", test.patched, "%SILENT%", silent).Replace(summary)
			if test.code == 0 {
				want += "nothing newly failing\n"
			}
			require.Equal(t, want, rest)
		})
	}
}

func TestCurlSuiteKeepsItsBuilds(t *testing.T) {
	w := newWorld(t)
	tree := w.suite(`()`)
	series := w.series("0001.patch", goodPatch)
	got := w.run("curl-suite", "--source", tree, "--patches", series, "1")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "building stock")
	require.Contains(t, got.stderr, "building patched")
	require.Contains(t, got.stdout, "stock: 1 passed, 0 failed ()\n")
	w.write(filepath.Join(series, "0001.patch"), strings.Replace(goodPatch, "+  return \"hello ", "+  return \"hello again ", 1))
	got = w.run("curl-suite", "--source", tree, "--patches", series, "1")
	require.Zero(t, got.code, got.stderr)
	require.NotContains(t, got.stderr, "building stock")
	require.Contains(t, got.stderr, "building patched", "another series is another build")

	work, err := filepath.Glob(filepath.Join(w.cache, "curl-suite", "*", "stock", "tests", "http_pipe.py"))
	require.NoError(t, err)
	require.Len(t, work, 1)
	server, err := os.ReadFile(work[0])
	require.NoError(t, err)
	require.Equal(t, "#!/usr/bin/env python3\nParseAdditionalData(new_data.decode('latin-1'))\n"+
		"self.request.send(self._send_buffer[0:4096].encode('latin-1'))\n", string(server))
	original, err := os.ReadFile(filepath.Join(tree, "tests/http_pipe.py"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(original), "#!/usr/bin/python\n"), "the source stays as it is")
}

func TestCurlSuiteTorture(t *testing.T) {
	w := newWorld(t)
	tree := w.suite(`(1899 => $patched)`)
	for _, number := range []string{"530", "536", "584", "2033"} {
		w.write(filepath.Join(tree, "tests/data/test"+number), "\n")
	}
	got := w.run("curl-suite", "--source", tree, "--patches", w.series("0001.patch", goodPatch), "--torture")
	require.Equal(t, 1, got.code, got.stderr)
	require.Contains(t, got.stdout, "530 stock: clean, 12 allocations\n530 patched: clean, 12 allocations\n")
	require.Contains(t, got.stdout, "1899 stock: clean, 12 allocations\n1899 patched: fails when allocation 7 of 12 does\n")
	got = w.run("curl-suite", "--source", tree, "--patches", w.series("0001.patch", goodPatch), "--torture", "530", "77")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stdout, "77 patched: n/a: there is no such test\n", "and that is no pass")
}

// Without a source with tests the result is n/a, with the reason, and not a
// pass.
func TestCurlSuiteWithoutASource(t *testing.T) {
	w := newWorld(t)
	w.stub("curl", "echo 'curl: (6) Could not resolve host' >&2; exit 6")
	got := w.run("curl-suite")
	require.Equal(t, 3, got.code, got.stderr)
	require.Contains(t, got.stdout, "n/a: no source with curl's tests: cannot download https://")
	require.Contains(t, got.stdout, "Could not resolve host")
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))

	got = w.run("curl-suite", "--source", w.tree(nil))
	require.Equal(t, 3, got.code, got.stderr)
	require.Contains(t, got.stdout, "has no tests/runtests.pl")
	requireRefused(t, w.run("curl-suite", "--version", "7.29.0"), 2, "no release 7.29.0 is known")
	requireRefused(t, w.run("curl-suite", "--nonsense"), 2, "unknown argument --nonsense")

	// A suite that crashes has not passed.
	tree := w.suite(`()`)
	w.write(filepath.Join(tree, "tests/runtests.pl"), "die \"no luck\\n\";\n")
	got = w.run("curl-suite", "--source", tree, "--patches", w.series("0001.patch", goodPatch))
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "ran no test in the stock build (no luck); log: ")
}
