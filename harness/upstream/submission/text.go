package submission

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/show/report/markdown"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// title is the subject of the series in one line.
const title = "HTTP/1.1 pipelining: a DOING phase, and what else breaks a pipelined connection"

// why is the rationale of the series, in plain text that is also valid
// Markdown.
const why = `In March 2016 it was reported to curl-library that pipelined HTTPS requests keep
losing their connection: when SSL_write() answers WANT_WRITE or WANT_READ,
libcurl takes the request for sent and lets the next one write. OpenSSL refuses
that ("bad write retry"), libcurl closes the connection, and every request on it
starts over on a new one. Over plain HTTP nobody refuses, and one request lands
inside another.

The first patch adds what the report asked for, a DOING phase: a request keeps
the write channel until its last byte is accepted. The others mend what else
breaks, stalls or mixes up a pipelined connection; each has one cause, builds on
its own, and says in its message what goes wrong without it.
`

// fillCover inserts the text into the cover letter that git has prepared.
func (s *Submission) fillCover(mails string, patches []series.Patch) error {
	letters, err := filepath.Glob(filepath.Join(mails, "0000-*.patch"))
	if err != nil || len(letters) != 1 {
		return fmt.Errorf("git has written %d cover letters into %s, not one", len(letters), mails)
	}
	text, err := os.ReadFile(letters[0])
	if err != nil {
		return fmt.Errorf("reading the cover letter: %w", err)
	}
	letter := string(text)
	for mark, words := range map[string]string{
		"*** SUBJECT HERE ***": title,
		"*** BLURB HERE ***":   why + "\n" + s.claims(patches) + "\n" + s.evidence() + "\n" + s.unproven(patches),
	} {
		if !strings.Contains(letter, mark) {
			return fmt.Errorf("git wrote a cover letter without %q", mark)
		}
		letter = strings.Replace(letter, mark, strings.TrimSpace(words), 1)
	}
	if err := os.WriteFile(letters[0], []byte(letter), 0o644); err != nil {
		return fmt.Errorf("writing the cover letter: %w", err)
	}
	return nil
}

// claims summarizes the evidence.
func (s *Submission) claims(patches []series.Patch) string {
	proven := 0
	for _, p := range patches {
		if p.Proofs() != nil {
			proven++
		}
	}
	return fmt.Sprintf("On top of %s, with %s.\n"+
		"%d of the %d patches have scenarios or programs that fail with the patches\n"+
		"before them and pass with them. All of the %d runs below came out as expected: stock has\n"+
		"to show what it is known for, patched has to pass.\n", s.Base, s.opensslVersions(), proven, len(patches), len(s.Runs))
}

func (s *Submission) opensslVersions() string {
	if versions := report.NewDocument(s.Runs).OpenSSL; versions != "" {
		return "OpenSSL " + versions
	}
	return "no OpenSSL"
}

// unproven lists the patches without a proof, and the reasons.
func (s *Submission) unproven(patches []series.Patch) string {
	var out strings.Builder
	for i, p := range patches {
		if p.Unproven != "" {
			fmt.Fprintf(&out, "  %04d  %s\n%s", i+1, p.Subject, wrap(p.Unproven, "        "))
		}
	}
	if out.Len() == 0 {
		return ""
	}
	return "Nothing proves these by themselves:\n\n" + out.String()
}

// pullRequest returns the text of a pull request, in Markdown.
func (s *Submission) pullRequest(patches []series.Patch) (string, error) {
	return s.paper(fmt.Sprintf("Reported-by: %s\nFixes #%s\n", reporter, filepath.Base(reportedIssue)), patches)
}

// bugReport returns a report for a vendor's bug tracker, in Markdown.
func (s *Submission) bugReport(patches []series.Patch) (string, error) {
	return s.paper(fmt.Sprintf("Reported upstream by %s: %s, never fixed; upstream has dropped pipelining since.\n"+
		"The patches are under curl's licence. The ABI is the same as the release's: applications need no change.\n",
		reporter, reportedIssue), patches)
}

// paper returns the rationale and the evidence, in Markdown, after what the
// addressee wants to read first.
func (s *Submission) paper(first string, patches []series.Patch) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%s\n%s\n%s\n## The patches\n\n| patch | what it does | proven by |\n| --- | --- | --- |\n",
		title, why, s.claims(patches), first)
	for i, p := range patches {
		proof := p.Unproven
		if p.Proofs() != nil {
			proof = "`" + strings.Join(p.Proofs(), "`, `") + "`"
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", s.label(i, &p), p.Subject, proof)
	}
	out.WriteString("\n## Evidence\n\n")
	if err := markdown.Write(&out, s.Runs); err != nil {
		return "", err
	}
	return out.String(), nil
}

// label returns a patch's name: its position among the mails, or its own number
// if its file is delivered.
func (s *Submission) label(i int, p *series.Patch) string {
	if s.For == Upstream {
		return fmt.Sprintf("%04d", i+1)
	}
	return fmt.Sprintf("%04d", p.Number)
}
