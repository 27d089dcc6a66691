package submission

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/curlpipe/curlpipe/harness/show/report"
)

// writeTarball writes the runs, as a table and as JSON, and the report. The
// same files give the same tarball: it has sorted names, and no times or user
// ids.
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
	if s.Report != "" {
		if err := addFolder(files, s.Report); err != nil {
			return fmt.Errorf("packing the evidence: %w", err)
		}
	}
	return report.WriteFile(path, func(w io.Writer) error { return pack(w, files) })
}

// addFolder adds the files in a folder, except packets.
func addFolder(files map[string][]byte, folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) == ".pcapng" {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		files[filepath.Join("report", name)], err = os.ReadFile(path)
		return err
	})
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
