package bench

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

var marked = regexp.MustCompile(`(?s)(<!-- bench: [^\n]*-->\n).*?(<!-- end -->)`)

// UpdateFile writes the table, with its date and machine, between the comment
// of a Markdown file that begins with "bench:" and the next one that says end.
func (r *Result) UpdateFile(name string, now time.Time) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if len(marked.FindAllIndex(text, 2)) != 1 {
		return fmt.Errorf("%s: not one comment that begins with bench: and is ended", name)
	}
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		return err
	}
	var block strings.Builder
	for line := range strings.Lines(table.String()) {
		block.WriteString("    " + line)
	}
	fmt.Fprintf(&block, "\nMeasured on %s: %s.\n", now.UTC().Format(time.DateOnly), machine())
	changed := marked.ReplaceAllFunc(text, func(old []byte) []byte {
		parts := marked.FindSubmatch(old)
		return bytes.Join([][]byte{parts[1], []byte(block.String()), parts[2]}, nil)
	})
	return os.WriteFile(name, changed, 0o644)
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
