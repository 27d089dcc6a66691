package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// Program is a file whose code took part in a run.
type Program struct {
	// Name of the file, without its folder.
	Name string `json:"name"`
	// SHA256 of its content; empty if it could not be read.
	SHA256 string `json:"sha256"`
}

// Programs describes files by their paths, those without one left out.
func Programs(paths ...string) []Program {
	var list []Program
	for _, path := range paths {
		if path != "" {
			list = append(list, Program{Name: filepath.Base(path), SHA256: hashOf(path)})
		}
	}
	return list
}

func hashOf(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
}
