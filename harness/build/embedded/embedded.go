// Package embedded contains the programs that pipelab needs outside of a
// checkout: the interposer and the origin's TLS engine.
//
// scripts/build-subjects puts them into the folder files before it builds
// pipelab. A pipelab that was built in another way contains none.
package embedded

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed files
var files embed.FS

// Extract writes an embedded program into the user's cache, unless it is there
// already, and returns its path. It returns an error if the program is not
// embedded or cannot be written.
func Extract(name string) (string, error) {
	content, err := files.ReadFile("files/" + name)
	if err != nil {
		return "", fmt.Errorf("this pipelab has no %s inside; build it with scripts/build-subjects", name)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("extracting %s: %w", name, err)
	}
	folder := filepath.Join(cache, "curlpipe", "embedded", fmt.Sprintf("%x", sha256.Sum256(content))[:24])
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("extracting %s: %w", name, err)
	}
	temporary, err := os.CreateTemp(folder, name)
	if err != nil {
		return "", fmt.Errorf("extracting %s: %w", name, err)
	}
	defer os.Remove(temporary.Name()) // fails if the file was renamed, as it should be
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Chmod(0o755)
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("extracting %s: %w", name, err)
	}
	return path, nil
}
