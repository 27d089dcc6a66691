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

// TestMain fails the run when tests leave goroutines or file descriptors.
func TestMain(m *testing.M) {
	// the runtime's own poller keeps file descriptors once it was used
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = listener.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	status := m.Run()
	if status == 0 {
		if left := leftovers(goroutines, files); left != "" {
			fmt.Fprintln(os.Stderr, "left at the end: "+left)
			status = 1
		}
	}
	os.Exit(status)
}

// leftovers waits for what is ending anyway, and describes what is left.
func leftovers(goroutines, files int) string {
	for range 1000 {
		if runtime.NumGoroutine() <= goroutines && openFiles() <= files {
			return ""
		}
		time.Sleep(time.Millisecond)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d goroutines, were %d; %d files, were %d\n", runtime.NumGoroutine(), goroutines, openFiles(), files)
	stacks := make([]byte, 1<<20)
	text.Write(stacks[:runtime.Stack(stacks, true)])
	return text.String()
}

// openFiles counts this process's file descriptors.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
