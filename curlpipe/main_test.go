package curlpipe

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run when tests leave engines or file descriptors behind.
func TestMain(m *testing.M) {
	// the runtime's poller keeps its file descriptors after the first use
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = listener.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	files := openFiles()
	status := m.Run()
	if status == 0 {
		if left := leftovers(files); left != "" {
			fmt.Fprintln(os.Stderr, "left at the end: "+left)
			status = 1
		}
	}
	os.Exit(status)
}

// leftovers waits for what is about to end, and describes the rest.
func leftovers(files int) string {
	var engines int
	var stacks string
	for range 1000 {
		all := make([]byte, 1<<20)
		stacks = string(all[:runtime.Stack(all, true)])
		engines = strings.Count(stacks, "(*engine).run(")
		if engines == 0 && openFiles() <= files {
			return ""
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Sprintf("%d engines; %d files, were %d\n%s", engines, openFiles(), files, stacks)
}

// openFiles counts this process's file descriptors.
func openFiles() int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
