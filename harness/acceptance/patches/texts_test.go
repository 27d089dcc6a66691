package patches_test

import (
	"bufio"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/semver"

	upstream "github.com/curlpipe/curlpipe/harness/upstream/series"
)

// clone names the variable with a clone of curl's repository for
// [TestTextsGoInExactly].
const clone = "CURLPIPE_CURL_CLONE"

// text is a variant of a patch's first text, for a range of releases.
type text struct {
	name, first, last string
	none              bool // these releases need no text
}

var textName = regexp.MustCompile(`^([0-9]{4}-[^@]+)@([0-9.]+)-([0-9.]+)\.(patch|none)$`)

// otherTexts returns the other texts of all patches, by the name of the first
// one and in the order of their releases.
func otherTexts(t *testing.T) map[string][]text {
	t.Helper()
	files, err := filepath.Glob("*@*")
	require.NoError(t, err)
	all := map[string][]text{}
	for _, name := range files {
		part := textName.FindStringSubmatch(name)
		require.NotNil(t, part, "%s is not of the form NAME@FIRST-LAST.patch or .none", name)
		first := part[1] + ".patch"
		all[first] = append(all[first], text{name, part[2], part[3], part[4] == "none"})
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b text) int { return compare(a.first, b.first) })
	}
	return all
}

// compare orders two releases.
func compare(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// releases returns the releases that any group supports, oldest first.
func releases(t *testing.T, groups []upstream.Group) []string {
	t.Helper()
	file, err := os.Open("../scripts/data/curl-releases.tsv")
	require.NoError(t, err)
	defer file.Close()
	var list []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		version, _, _ := strings.Cut(lines.Text(), "\t")
		if slices.ContainsFunc(groups, func(g upstream.Group) bool {
			return semver.IsValid("v"+version) && compare(g.First, version) <= 0 && compare(version, g.Last) <= 0
		}) {
			list = append(list, version)
		}
	}
	require.True(t, slices.IsSortedFunc(list, compare))
	return list
}

// TestEachReleaseHasOneTextOfEachPatch checks what the rule in README.md and
// scripts/lib/series.sh assumes: no two texts of a patch cover the same
// release, and each range begins and ends with a release that its group
// supports.
func TestEachReleaseHasOneTextOfEachPatch(t *testing.T) {
	groups, err := upstream.Groups(".")
	require.NoError(t, err)
	known := releases(t, groups)
	all := otherTexts(t)
	for name, list := range all {
		require.Contains(t, series(t), name, "%s is a text of no patch in the series", list[0].name)
		at := slices.IndexFunc(groups, func(g upstream.Group) bool { return strings.HasPrefix(name, g.Number) })
		require.GreaterOrEqual(t, at, 0, name)
		before := ""
		for _, other := range list {
			require.Contains(t, known, other.first, other.name)
			require.Contains(t, known, other.last, other.name)
			require.LessOrEqual(t, compare(other.first, other.last), 0, other.name)
			require.GreaterOrEqual(t, compare(other.first, groups[at].First), 0, "%s: its group is made for later ones", other.name)
			require.LessOrEqual(t, compare(other.last, groups[at].Last), 0, "%s: its group is made for earlier ones", other.name)
			require.Positive(t, compare(other.first, cmp.Or(before, "0.0.0")), "%s: two texts for %s", other.name, other.first)
			before = other.last
		}
	}
	for _, version := range []string{known[0], "7.47.1", "7.53.1", known[len(known)-1]} {
		want := 0
		for _, name := range series(t) {
			made := slices.ContainsFunc(groups, func(g upstream.Group) bool {
				return strings.HasPrefix(name, g.Number) && compare(g.First, version) <= 0 && compare(version, g.Last) <= 0
			})
			without := slices.ContainsFunc(all[name], func(o text) bool {
				return o.none && compare(o.first, version) <= 0 && compare(version, o.last) <= 0
			})
			if made && !without {
				want++
			}
		}
		require.Len(t, strings.Fields(script(t, "series", version)), want, version)
	}
}

// TestOtherTextsSayTheSame requires that the other texts of a patch have the
// first one's fields and message, and that a release without a text has a
// reason.
func TestOtherTextsSayTheSame(t *testing.T) {
	for name, list := range otherTexts(t) {
		first := message(t, name)
		for _, other := range list {
			if !other.none {
				require.Equal(t, first, message(t, other.name), other.name)
				continue
			}
			reason, err := os.ReadFile(other.name)
			require.NoError(t, err)
			require.Regexp(t, `^libcurl 7\.[0-9]+\.[0-9]+ and (later|earlier) [^\n]+(\n[^\n]+)*\.\n$`, string(reason), other.name)
		}
	}
}

// message returns the part of a patch before its diff.
func message(t *testing.T, name string) string {
	t.Helper()
	mail, err := os.ReadFile(name)
	require.NoError(t, err)
	head, _, found := strings.Cut(string(mail), "\n---\n")
	require.True(t, found, name)
	return head
}

// TestTextsGoInExactly applies the series to each release, without fuzz. No patch
// may add findings of the release's own checksrc. It needs a clone of curl's
// repository, and a quarter of an hour.
func TestTextsGoInExactly(t *testing.T) {
	repository := os.Getenv(clone)
	if repository == "" {
		t.Skip("n/a: needs all releases of libcurl; set " + clone + " to a clone of curl's repository")
	}
	groups, err := upstream.Groups(".")
	require.NoError(t, err)
	for _, version := range releases(t, groups) {
		t.Run(version, func(t *testing.T) {
			tree := t.TempDir()
			archive := filepath.Join(t.TempDir(), "release.tar")
			run(t, ".", "git", "-C", repository, "archive", "--output", archive, "curl-"+strings.ReplaceAll(version, ".", "_"))
			run(t, tree, "tar", "xf", archive)
			plain := filepath.Join(t.TempDir(), "plain")
			script(t, "series", version, plain)
			text, err := os.ReadFile(filepath.Join(plain, "series"))
			require.NoError(t, err)
			for name := range strings.FieldsSeq(string(text)) {
				found := map[string]string{}
				for _, file := range changed(t, filepath.Join(plain, name)) {
					found[file] = checked(t, tree, file)
				}
				said, err := exec.Command("patch", "-d", tree, "-p1", "--fuzz=0", "--batch", "--forward",
					"--input", filepath.Join(plain, name)).CombinedOutput()
				require.NoError(t, err, "%s: %s", name, said)
				for file, before := range found {
					found[file] = checked(t, tree, file)
					require.LessOrEqual(t, strings.Count(found[file], "warning:"), strings.Count(before, "warning:"),
						"%s: %s", name, found[file])
				}
			}
		})
	}
}

var changedFile = regexp.MustCompile(`(?m)^\+\+\+ b/(lib/\S+\.[ch])$`)

// changed returns the files of the library that a patch changes.
func changed(t *testing.T, patch string) []string {
	t.Helper()
	text, err := os.ReadFile(patch)
	require.NoError(t, err)
	var files []string
	for _, found := range changedFile.FindAllStringSubmatch(string(text), -1) {
		files = append(files, found[1])
	}
	return files
}

// checked returns the findings of a tree's own checksrc in a file; none if
// either file is missing.
func checked(t *testing.T, tree, file string) string {
	t.Helper()
	for _, needed := range []string{"lib/checksrc.pl", file} {
		if _, err := os.Stat(filepath.Join(tree, needed)); err != nil {
			return ""
		}
	}
	command := exec.Command("perl", "checksrc.pl", "-D"+filepath.Dir(strings.TrimPrefix(file, "lib/")), filepath.Base(file))
	command.Dir = filepath.Join(tree, "lib")
	said, err := command.CombinedOutput() // it exits with the number of its findings
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return string(said)
}
