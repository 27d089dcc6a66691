// Package readme writes tables into Markdown files, between a comment that names
// the command that made them and a comment that ends them, and reads them back.
//
// The commands whose figures are in the READMEs use it, and so do the tests that
// compare the READMEs with the code (package readmetest).
package readme

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Table makes a block from a table of text, with its date and the machine that it
// was made on.
func Table(table string, now time.Time) string {
	var block strings.Builder
	for line := range strings.Lines(table) {
		block.WriteString("    " + line)
	}
	fmt.Fprintf(&block, "\nMeasured on %s: %s.\n", now.UTC().Format(time.DateOnly), machine())
	return block.String()
}

// Between returns the text between the comment of a Markdown file that begins
// with the name and a colon, and the next comment that says end.
func Between(file, name string) (string, error) {
	parts, err := split(file, name)
	if err != nil {
		return "", err
	}
	return parts[1], nil
}

// Replace replaces that text with the block.
func Replace(file, name, block string) error {
	parts, err := split(file, name)
	if err != nil {
		return err
	}
	return report.WriteFile(file, func(w io.Writer) error {
		_, err := io.WriteString(w, parts[0]+block+parts[2])
		return err
	})
}

// split returns three parts of the file: up to and with the comment, up to the
// end, and the rest.
func split(file, name string) (parts [3]string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return parts, fmt.Errorf("reading what was measured: %w", err)
	}
	marked := regexp.MustCompile(`(?s)<!-- ` + regexp.QuoteMeta(name) + `: [^\n]*-->\n(.*?)<!-- end -->`)
	found := marked.FindAllSubmatchIndex(text, 2)
	if len(found) != 1 {
		return parts, fmt.Errorf("%s: not one comment that begins with %s: and is ended", file, name)
	}
	from, to := found[0][2], found[0][3]
	return [3]string{string(text[:from]), string(text[from:to]), string(text[to:])}, nil
}

// machine describes the processor, and the load of the machine.
func machine() string {
	words := fmt.Sprintf("%d cores", runtime.NumCPU())
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				words += " of " + strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		words += ", load " + strings.Fields(string(text))[0]
	}
	return words
}
