//go:build unix && (!linux || curlpipe_poll)

package curlpipe

import (
	"os"

	"golang.org/x/sys/unix"
)

// This file uses only POSIX; see system_linux.go.

// newNamedContent makes a file that only this user can read.
func newNamedContent(content []byte) (*namedContent, error) {
	file, err := os.CreateTemp("", "curlpipe-*")
	if err != nil {
		return nil, err
	}
	named := &namedContent{path: file.Name(), close: func() { _ = os.Remove(file.Name()) }}
	_, err = file.Write(content)
	if failed := file.Close(); err == nil {
		err = failed
	}
	if err != nil {
		named.close()
		return nil, err
	}
	return named, nil
}

// bindToInterface always fails: POSIX has no call for it.
func bindToInterface(int, string) error { return unix.EPERM }
