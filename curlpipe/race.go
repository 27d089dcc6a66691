//go:build race

package curlpipe

import "syscall"

// The race detector does not see that libcurl writes to sockets and reads from
// them. Package syscall tells it that whatever came before a write is ordered
// before whatever comes after a later read, on any descriptor; a program that
// shares memory with a server of its own, as tests do, relies on it. The two
// functions below say the same of what libcurl does.

// nothing is a file that is always at its end.
var nothing = func() int {
	file, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return file
}()

// releaseSockets orders what came before ahead of what others read later.
func releaseSockets() {
	_, _ = syscall.Write(-1, nil) // it is told before the call, which fails
}

// acquireSockets orders what others have written ahead of what comes now.
func acquireSockets() {
	_, _ = syscall.Read(nothing, nil)
}
