//go:build unix && (!linux || curlpipe_poll)

package curlpipe

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file does with what POSIX has; see system_linux.go.

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

// streamPair is a pair of Unix sockets. No program that starts meanwhile gets
// them.
func streamPair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(pair[0])
		unix.CloseOnExec(pair[1])
	}
	return pair, err
}

// bindToInterface has a socket start from an interface: there is no such call.
func bindToInterface(int, string) error { return unix.EPERM }
