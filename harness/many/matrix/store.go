package matrix

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Store keeps the runs of an unfinished matrix, so that the next call resumes an
// interrupted one. A run is stored under a key of everything that it depends on:
// if a library, a client or a scenario changes, the run is made again.
type Store struct {
	// Folder that the runs are stored in. It is created when it is needed.
	Folder string

	hashes map[string]string // of files, by path
}

// Key returns the key of a run. The error names the file that cannot be read.
func (s *Store) Key(setup *lab.Setup) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "schema %d\n%+v\n%s\n%s\n%s\n", Schema, *setup.Scenario, setup.Driver, setup.TLS, setup.Library.Label())
	if setup.Library.OpenSSL != nil {
		fmt.Fprintf(sum, "%+v\n", *setup.Library.OpenSSL)
	}
	executable, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the program itself: %w", err)
	}
	libcurl := filepath.Join(setup.Library.LoaderPath(), "libcurl.so.4")
	for _, path := range []string{executable, setup.Subject.Path, setup.Interposer, setup.Engine, libcurl} {
		hash, err := s.hash(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, hash)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hash returns the SHA-256 of a file.
func (s *Store) hash(path string) (string, error) {
	if hash, known := s.hashes[path]; known {
		return hash, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hashing what a run is made of: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("hashing %s: %w", path, err)
	}
	if s.hashes == nil {
		s.hashes = make(map[string]string)
	}
	s.hashes[path] = hex.EncodeToString(sum.Sum(nil))
	return s.hashes[path], nil
}

// Load returns the run with that key; nil if there is none, or if it cannot be
// parsed.
func (s *Store) Load(key string) *outcome.Run {
	text, err := os.ReadFile(s.path(key))
	if err != nil {
		return nil
	}
	var r outcome.Run
	if json.Unmarshal(text, &r) != nil || r.Scenario == "" {
		return nil
	}
	return &r
}

// Kept returns when the run with that key was stored; the zero time if it is not.
func (s *Store) Kept(key string) time.Time {
	file, err := os.Stat(s.path(key))
	if err != nil {
		return time.Time{}
	}
	return file.ModTime()
}

// Keep stores a run. It may be called from several goroutines.
func (s *Store) Keep(key string, r *outcome.Run) error {
	if err := os.MkdirAll(s.Folder, 0o755); err != nil {
		return fmt.Errorf("keeping a finished run: %w", err)
	}
	if err := report.WriteJSON(s.path(key), r); err != nil {
		return fmt.Errorf("keeping a finished run: %w", err)
	}
	return nil
}

// Forget deletes runs. It ignores those that are not there.
func (s *Store) Forget(keys []string) error {
	for _, key := range keys {
		if err := os.Remove(s.path(key)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a run that is no longer needed: %w", err)
		}
	}
	return nil
}

func (s *Store) path(key string) string { return filepath.Join(s.Folder, key+".json") }
