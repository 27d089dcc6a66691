package submission

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/curlpipe/curlpipe/harness/report"
)

// writeTarball writes the runs, as a table and as JSON, and the reports. The same
// files make the same tarball: names in order, no times, nobody's ids.
func (s *Submission) writeTarball(path string) error {
	s.tell("packing the evidence")
	var document, table bytes.Buffer
	if err := report.NewDocument(s.Runs).Write(&document); err != nil {
		return err
	}
	if err := report.Table(&table, s.Runs); err != nil {
		return err
	}
	files := map[string][]byte{"runs.json": document.Bytes(), "runs.txt": table.Bytes()}
	for name, from := range s.Reports {
		text, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("packing the evidence: %w", err)
		}
		files[name] = text
	}
	return report.WriteFile(path, func(w io.Writer) error { return pack(w, files) })
}

func pack(w io.Writer, files map[string][]byte) error {
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		header := &tar.Header{Name: filepath.Join("evidence", name), Mode: 0o644, Size: int64(len(files[name])), Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(files[name]); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zip.Close()
}
