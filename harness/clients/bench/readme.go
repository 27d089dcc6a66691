package bench

import (
	"bytes"
	"time"

	"github.com/curlpipe/curlpipe/harness/generated"
)

// UpdateFile writes the table, with its date and machine, between the comment
// of a Markdown file that begins with "bench:" and the next one that says end.
func (r *Result) UpdateFile(name string, now time.Time) error {
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		return err
	}
	return generated.Replace(name, "bench", generated.Table(table.String(), now))
}
