//go:build race

package curlpipe

import "syscall"

// The race detector does not see that libcurl writes to sockets and reads from
// them. Package syscall tells it that everything before a write is ordered
// before everything after a later read, on any descriptor. Programs that share
// memory with their own server, such as tests, rely on that. The two functions
// below do the same for libcurl.

// nothing is a file that is always at its end.
var nothing = func() int {
	file, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return file
}()

// releaseSockets orders what came before it ahead of what others read later.
func releaseSockets() {
	_, _ = syscall.Write(-1, nil) // the detector is told before the call, which fails
}

// acquireSockets orders what others have written ahead of what follows.
func acquireSockets() {
	_, _ = syscall.Read(nothing, nil)
}
