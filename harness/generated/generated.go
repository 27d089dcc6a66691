// Package generated writes what a command has measured into a Markdown file,
// between a comment and its end.
//
// It stands behind the commands whose figures the README shows.
package generated

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Table makes a block of a table of text, with its date and the machine that
// it was made on.
func Table(table string, now time.Time) string {
	var block strings.Builder
	for line := range strings.Lines(table) {
		block.WriteString("    " + line)
	}
	fmt.Fprintf(&block, "\nMeasured on %s: %s.\n", now.UTC().Format(time.DateOnly), machine())
	return block.String()
}

// Replace puts the block between the comment of a Markdown file that begins
// with the name and a colon, and the next one that says end.
func Replace(file, name, block string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("writing what was measured: %w", err)
	}
	marked := regexp.MustCompile(`(?s)(<!-- ` + regexp.QuoteMeta(name) + `: [^\n]*-->\n).*?(<!-- end -->)`)
	if len(marked.FindAllIndex(text, 2)) != 1 {
		return fmt.Errorf("%s: not one comment that begins with %s: and is ended", file, name)
	}
	changed := marked.ReplaceAllFunc(text, func(old []byte) []byte {
		parts := marked.FindSubmatch(old)
		return bytes.Join([][]byte{parts[1], []byte(block), parts[2]}, nil)
	})
	return os.WriteFile(file, changed, 0o644)
}

// machine names the processor, and how busy the machine has been.
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
