//go:build linux && !curlpipe_poll

package curlpipe

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// This file has what only Linux supports. system_posix.go has the same
// functions for other systems.

// newNamedContent makes a file in memory.
func newNamedContent(content []byte) (*namedContent, error) {
	descriptor, err := unix.MemfdCreate("curlpipe", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	path := fmt.Sprintf("/proc/self/fd/%d", descriptor)
	file := os.NewFile(uintptr(descriptor), path)
	if _, err := file.Write(content); err != nil {
		_ = file.Close()
		return nil, err
	}
	return &namedContent{path: path, close: func() { _ = file.Close() }}, nil
}

// bindToInterface binds a socket to an interface, whatever the addresses are.
// unix.EPERM means that this is not allowed.
func bindToInterface(socket int, name string) error {
	return unix.BindToDevice(socket, name)
}
