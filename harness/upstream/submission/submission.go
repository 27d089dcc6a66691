// Package submission makes what is sent to curl or to a vendor out of the patch
// series: mails for git am with a cover letter and the text of a pull request,
// or the files for a spec or a quilt series with a report of the bug; and a
// tarball of the evidence.
//
// It stands behind the laboratory: it takes the series (package series) and the
// runs of a report (package report), and refuses what does not go in, does not
// build, is not in curl's style or is not proven. Command pipelab calls it.
package submission

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// Submission is a submission to make: its addressee, its base and its contents.
type Submission struct {
	// For is the addressee: Upstream, RPM or Debian.
	For string
	// Patches is the folder of the series.
	Patches string
	// Tree is a folder with the sources of libcurl to apply the series to. It is not
	// changed.
	Tree string
	// Base is a name of these sources for people: "libcurl 7.53.1".
	Base string
	// Build builds libcurl with the first n patches of the series. The error says
	// why it does not build.
	Build func(n int) error
	// Runs are the evidence: runs of the stock and of the patched libcurl.
	Runs []outcome.Run
	// Report is a folder that goes into the tarball as "report", if not empty:
	// the evidence of pipelab run --out with the page of pipelab report. Packets
	// are left out because of their size.
	Report string
	// Progress, if not nil, is called with what is done next.
	Progress func(what string)
}

// Names of what Write makes.
const (
	Mails       = "mails"
	PullRequest = "pull-request.md"
	Tarball     = "evidence.tar.gz"
)

// Write makes a folder with the mails, the pull request's text and the tarball.
// The folder must not exist; after an error it does not.
func (s *Submission) Write(folder string) error {
	if err := checkAbsent(folder); err != nil {
		return err
	}
	if !slices.Contains(Addressees(), s.For) {
		return fmt.Errorf("a submission is for one of %s, not for %q", strings.Join(Addressees(), ", "), s.For)
	}
	patches, err := series.Read(s.Patches)
	if err != nil {
		return err
	}
	if err := s.checkEvidence(patches); err != nil {
		return err
	}
	return makeFolder(folder, func(_, made string) error {
		repository, err := s.apply(patches)
		if err != nil {
			return err
		}
		defer repository.remove()
		if err := s.buildAll(patches); err != nil {
			return err
		}
		return s.writeAll(made, repository, patches)
	})
}

// checkAbsent refuses a folder that exists.
func checkAbsent(folder string) error {
	if _, err := os.Lstat(folder); err == nil {
		return fmt.Errorf("%s exists already: choose another folder, or remove it", folder)
	}
	return nil
}

// makeFolder makes a folder completely or not at all: fill writes made, which
// does not exist yet, and may use scratch.
func makeFolder(folder string, fill func(scratch, made string) error) error {
	scratch, err := os.MkdirTemp(filepath.Dir(folder), ".submission-*")
	if err != nil {
		return fmt.Errorf("making the submission beside %s: %w", folder, err)
	}
	defer os.RemoveAll(scratch)
	made := filepath.Join(scratch, "made")
	if err := fill(scratch, made); err != nil {
		return err
	}
	if err := os.Rename(made, folder); err != nil {
		return fmt.Errorf("making the submission: %w", err)
	}
	return nil
}

func (s *Submission) writeAll(made string, repository *repository, patches []series.Patch) error {
	if s.For != Upstream {
		if err := s.writeForVendor(made, patches); err != nil {
			return err
		}
		return s.writeTarball(filepath.Join(made, Tarball))
	}
	mails := filepath.Join(made, Mails)
	if err := os.MkdirAll(mails, 0o755); err != nil {
		return fmt.Errorf("making the submission: %w", err)
	}
	s.tell("writing the mails")
	if err := repository.writeMails(mails); err != nil {
		return err
	}
	if err := s.fillCover(mails, patches); err != nil {
		return err
	}
	text, err := s.pullRequest(patches)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, PullRequest), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the pull request: %w", err)
	}
	return s.writeTarball(filepath.Join(made, Tarball))
}

// checkEvidence refuses evidence that does not show what the series claims.
func (s *Submission) checkEvidence(patches []series.Patch) error {
	if len(s.Runs) == 0 {
		return fmt.Errorf("there is no run to show: make some with pipelab run --json")
	}
	want := library.PatchedMark + strconv.Itoa(len(patches))
	var stock, patched int
	for i := range s.Runs {
		r := &s.Runs[i]
		if !r.AsExpected() {
			return fmt.Errorf("%s with %s and libcurl %s did not have the expected result: a submission needs expected results only", r.Scenario, r.Subject, r.Library)
		}
		switch {
		case isPatched(r) && !strings.HasSuffix(r.LibcurlVersion, want):
			return fmt.Errorf("the evidence is of libcurl %s, the series has %d patches: make the runs again", r.LibcurlVersion, len(patches))
		case isPatched(r):
			patched++
		default:
			stock++
		}
	}
	if stock == 0 || patched == 0 {
		return fmt.Errorf("the evidence has %d runs of the stock and %d of the patched libcurl: both are needed", stock, patched)
	}
	return s.checkProofs(patches)
}

// checkProofs refuses a patch whose proofs are not in the evidence: a run of
// each of its scenarios before, and one after that passes.
func (s *Submission) checkProofs(patches []series.Patch) error {
	all := pairs(s.Runs)
	for _, p := range patches {
		for _, name := range p.Scenarios {
			shown := slices.ContainsFunc(all, func(one pair) bool {
				run := one.patched
				return run != nil && one.stock != nil && run.Scenario+"/"+run.Driver == name && run.Verdict == judge.Pass
			})
			if !shown {
				return fmt.Errorf("the evidence lacks proof for %s: no %s with stock and one with patched that passes; make the runs with --driver perform,socket", p.Name, name)
			}
		}
	}
	return nil
}

// buildAll builds libcurl at every step of the series.
func (s *Submission) buildAll(patches []series.Patch) error {
	for n := range len(patches) + 1 {
		s.tell(fmt.Sprintf("building libcurl with %d of %d patches", n, len(patches)))
		if err := s.Build(n); err != nil {
			if n == 0 {
				return fmt.Errorf("%s does not build without the series: %w", s.Base, err)
			}
			return fmt.Errorf("%s: libcurl does not build with it: %w", patches[n-1].Name, err)
		}
	}
	return nil
}

func (s *Submission) tell(what string) {
	if s.Progress != nil {
		s.Progress(what)
	}
}
