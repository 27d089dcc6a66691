package submission

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteForRPM(t *testing.T) {
	s := newSubmission(t)
	s.For = RPM
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, s.Write(out))
	require.Equal(t, read(t, s.Patches, "0101-a.patch"), read(t, out, Sources, "0101-a.patch"))
	require.Equal(t, `# Below the last Patch line of curl.spec; the files go to SOURCES/:
Patch9101: 0101-a.patch
Patch9202: 0202-b.patch

# In %prep, behind the last of your own patches. A spec with %autosetup needs none of these lines:
%patch9101 -p1
%patch9202 -p1

# On top of %changelog, with your release behind the version:
* Mon Nov 23 2026 A <a@b.example> - 7.53.1
- keep a connection with pipelined requests: add a DOING phase (curl issue 764)
`, read(t, out, SpecLines))
	requireVendorTexts(t, s, out)
}

func TestWriteForDebian(t *testing.T) {
	s := newSubmission(t)
	s.For = Debian
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, s.Write(out))
	require.Equal(t, "0101-a.patch\n0202-b.patch\n", read(t, out, Quilt, "series"))
	require.Equal(t, read(t, s.Patches, "0202-b.patch"), read(t, out, Quilt, "0202-b.patch"))
	require.Equal(t, `curl (7.53.1-0+curlpipe1) UNRELEASED; urgency=medium

  * keep a connection with pipelined requests: add a DOING phase (curl issue 764):
    - 0101-a.patch
    - 0202-b.patch

 -- A <a@b.example>  Mon, 23 Nov 2026 12:00:00 +0000
`, read(t, out, Changelog))
	requireVendorTexts(t, s, out)
}

// requireVendorTexts checks the texts that every vendor gets.
func requireVendorTexts(t *testing.T, s *Submission, out string) {
	t.Helper()
	report := read(t, out, BugReport)
	require.Contains(t, report, "| 0101 | http: keep it | `reported/perform` |", "by the number in the file's name")
	require.Contains(t, report, "under curl's licence")
	require.NotContains(t, report, "Fixes #")
	require.NoDirExists(t, filepath.Join(out, Mails))
	for _, made := range s.Made() {
		require.FileExists(t, filepath.Join(out, made.Name, map[string]string{Sources: "0101-a.patch", Quilt: "series"}[made.Name]))
	}
}

func TestWriteRefusesAnotherAddressee(t *testing.T) {
	s := newSubmission(t)
	s.For = "suse"
	require.EqualError(t, s.Write(filepath.Join(t.TempDir(), "out")), `a submission is for one of upstream, rpm, debian, not for "suse"`)
}
