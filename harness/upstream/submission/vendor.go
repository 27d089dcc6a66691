package submission

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// Addressees of a submission, as [Submission.For].
const (
	Upstream = "upstream" // curl: mails and a pull request
	RPM      = "rpm"      // a vendor with a spec: sources and the lines for curl.spec
	Debian   = "debian"   // a vendor with a quilt series: debian/patches and an entry for debian/changelog
)

// Tests is the addressee of an [HTTPTest]: curl, but not for the series.
const Tests = "tests"

// Addressees lists the possible addressees of the series.
func Addressees() []string { return []string{Upstream, RPM, Debian} }

// Names of what Write makes for vendors.
const (
	Sources   = "SOURCES"
	SpecLines = "curl.spec.lines"
	Quilt     = "debian/patches"
	Changelog = "debian/changelog.entry"
	BugReport = "bug-report.md"
)

// Made is a file or folder that Write has made, and what it is for.
type Made struct{ Name, What string }

// Made lists what Write makes for the addressee.
func (s *Submission) Made() []Made {
	evidence := Made{Tarball, "runs and reports"}
	switch s.For {
	case RPM:
		return []Made{{Sources, "beside the vendor's own patches"}, {SpecLines, "lines for curl.spec"},
			{BugReport, "for the vendor's bug tracker"}, evidence}
	case Debian:
		return []Made{{Quilt, "behind the vendor's own patches"}, {Changelog, "for debian/changelog"},
			{BugReport, "for the vendor's bug tracker"}, evidence}
	}
	return []Made{{Mails, "the mails for git send-email or git am"}, {PullRequest, "for a pull request"}, evidence}
}

// firstSpecPatch is added to a patch's number in a spec, to avoid the vendor's
// own numbers.
const firstSpecPatch = 9000

// writeForVendor writes the patches for the release in the form of the vendor's
// tree, and the report.
func (s *Submission) writeForVendor(made string, patches []series.Patch) error {
	folder, extra, text := Sources, SpecLines, s.specLines
	if s.For == Debian {
		folder, extra, text = Quilt, Changelog, s.changelogEntry
	}
	if err := os.MkdirAll(filepath.Join(made, folder), 0o755); err != nil {
		return fmt.Errorf("making the submission: %w", err)
	}
	s.tell("writing what goes into " + folder)
	var list strings.Builder
	for _, p := range patches {
		content, err := os.ReadFile(p.Path)
		if err != nil {
			return fmt.Errorf("copying the series: %w", err)
		}
		if err := os.WriteFile(filepath.Join(made, folder, p.Name), content, 0o644); err != nil {
			return fmt.Errorf("copying the series: %w", err)
		}
		list.WriteString(p.Name + "\n")
	}
	if s.For == Debian {
		if err := os.WriteFile(filepath.Join(made, folder, "series"), []byte(list.String()), 0o644); err != nil {
			return fmt.Errorf("copying the series: %w", err)
		}
	}
	lines, err := text(patches)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, extra), []byte(lines), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", extra, err)
	}
	report, err := s.bugReport(patches)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, BugReport), []byte(report), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", BugReport, err)
	}
	return nil
}

// specLines returns the lines for curl.spec.
func (s *Submission) specLines(patches []series.Patch) (string, error) {
	at, err := newest(patches)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString("# Below the last Patch line of curl.spec; the files go to SOURCES/:\n")
	for _, p := range patches {
		fmt.Fprintf(&out, "Patch%d: %s\n", firstSpecPatch+p.Number, p.Name)
	}
	out.WriteString("\n# In %prep, behind the last of your own patches. A spec with %autosetup needs none of these lines:\n")
	for _, p := range patches {
		fmt.Fprintf(&out, "%%patch%d -p1\n", firstSpecPatch+p.Number)
	}
	fmt.Fprintf(&out, "\n# On top of %%changelog, with your release behind the version:\n* %s %s - %s\n- %s\n",
		at.Format("Mon Jan 02 2006"), patches[0].Author, s.version(), summary)
	return out.String(), nil
}

// changelogEntry returns an entry for debian/changelog.
func (s *Submission) changelogEntry(patches []series.Patch) (string, error) {
	at, err := newest(patches)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "curl (%s-0+curlpipe1) UNRELEASED; urgency=medium\n\n  * %s:\n", s.version(), summary)
	for _, p := range patches {
		out.WriteString("    - " + p.Name + "\n")
	}
	fmt.Fprintf(&out, "\n -- %s  %s\n", patches[0].Author, at.Format(time.RFC1123Z))
	return out.String(), nil
}

// summary is the series in a change log.
const summary = "keep a connection with pipelined requests: add a DOING phase (curl issue 764)"

// version returns the release that the series applies to.
func (s *Submission) version() string { return strings.TrimPrefix(s.Base, "libcurl ") }

// newest returns the latest date of a patch.
func newest(patches []series.Patch) (time.Time, error) {
	var at time.Time
	for i := range patches {
		date, err := patches[i].Time()
		if err != nil {
			return at, err
		}
		if date.After(at) {
			at = date
		}
	}
	return at, nil
}
