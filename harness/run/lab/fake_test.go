package lab

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/lab/labtest"
)

// The test binary is its own subject: with this variable set it behaves as
// one of the fakes.
const fakeVariable = "LAB_TEST_FAKE"

// readyVariable names a FIFO that a fake opens when it is ready.
const readyVariable = "LAB_TEST_READY"

func TestMain(m *testing.M) {
	if name := os.Getenv(fakeVariable); name != "" {
		fake, known := fakes[name]
		if !known {
			panic("no such fake: " + name)
		}
		fake()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fakes are subjects, each with one behaviour.
var fakes = map[string]func(){
	"good": func() { labtest.CarryOut(); labtest.BlockOnce() },
	"other OpenSSL": func() {
		_, _ = io.WriteString(labtest.EventsPipe(), `{"t":1,"call":"version","version":"OpenSSL 3.0.19 27 Jan 2026"}`+"\n")
		labtest.CarryOut()
	},
	"crash": func() {
		labtest.CarryOut()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	},
	"exit 1":                func() { die(1, "out of memory") },
	"exit 1, silent":        func() { os.Exit(1) },
	"exit 1, wordy":         func() { die(1, strings.Repeat("x", 5000)) },
	"refuses":               func() { die(plan.ExitBadPlan, "the plan has no url") },
	"unimplemented":         func() { die(plan.ExitUnimplemented, `unimplemented: driver "socket"`) },
	"unimplemented, silent": func() { os.Exit(plan.ExitUnimplemented) },
	"prints without end": func() {
		for {
			fmt.Println(strings.Repeat("x", 1<<16))
		}
	},
	"other library": func() {
		report := plan.Report{Subject: "fake", LibcurlVersion: "libcurl/7.47.1-stock OpenSSL/3.0.19"}
		_ = report.Write(os.Stdout)
	},
	"prints garbage":    func() { fmt.Println("Segmentation fault") },
	"prints nothing":    func() {},
	"complains":         func() { labtest.CarryOut(); fmt.Fprintln(os.Stderr, "leak of 7 bytes") },
	"complains, no say": func() { fmt.Fprintln(os.Stderr, "oops") },
	"hangs":             func() { labtest.BlockOnce(); ready(); select {} },
	"garbles events": func() {
		_, _ = io.WriteString(labtest.EventsPipe(), "oops\n")
		_, _ = io.WriteString(labtest.EventsPipe(), strings.Repeat("x", 1<<20)) // more than a pipe holds
		labtest.CarryOut()
	},
	"leaves a child": func() {
		labtest.CarryOut()
		labtest.BlockOnce()
		fifo, err := os.OpenFile(os.Getenv(readyVariable), os.O_WRONLY, 0)
		if err != nil {
			panic(err)
		}
		fmt.Fprint(fifo, "born")
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), fakeVariable+"=stays")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		child.ExtraFiles = []*os.File{labtest.EventsPipe(), fifo}
		if err := child.Start(); err != nil {
			panic(err)
		}
	},
	// stays until it is killed
	"stays": func() {
		for {
			time.Sleep(time.Hour)
		}
	},
}

func die(code int, words string) {
	fmt.Fprintln(os.Stderr, words)
	os.Exit(code)
}

// ready tells the test, and waits until the test has noticed.
func ready() {
	fifo, err := os.OpenFile(os.Getenv(readyVariable), os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	fifo.Close()
}
