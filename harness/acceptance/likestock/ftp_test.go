package likestock_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// ftpServer has a folder dir with the file hello in it, and nothing else.
type ftpServer struct {
	net.Listener
	// controls counts the control connections.
	controls atomic.Int32
}

func startFTP(t *testing.T) *ftpServer {
	t.Helper()
	server := &ftpServer{}
	server.Listener = listen(t, func(control net.Conn) {
		server.controls.Add(1)
		serveFTP(control)
	})
	return server
}

// replies to commands whose reply is the same for all arguments.
var replies = map[string]string{
	"USER": "331 Password, please", "PASS": "230 Welcome", "PWD": `257 "/"`, "TYPE": "200 As you like", "QUIT": "221 Goodbye",
}

// serveFTP serves a control connection, and the data connections that belong to
// it, until the client closes it.
func serveFTP(control net.Conn) {
	defer control.Close()
	var data net.Listener
	stop := func() {
		if data != nil {
			data.Close()
		}
	}
	defer func() { stop() }()
	reply := func(text string) { io.WriteString(control, text+"\r\n") }
	reply("220 Hello")
	for lines := bufio.NewScanner(control); lines.Scan(); {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch {
		case replies[command] != "":
			reply(replies[command])
		case command == "CWD" && (argument == "dir" || argument == "/"):
			reply("250 Changed")
		case command == "SIZE" && argument == "hello":
			reply("213 5")
		case command == "EPSV":
			stop()
			var err error
			if data, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
				reply("425 " + err.Error())
				continue
			}
			reply(fmt.Sprintf("229 Extended (|||%d|)", data.Addr().(*net.TCPAddr).Port))
		case command == "RETR" && argument == "hello" && data != nil:
			reply("150 Here it comes")
			connection, err := data.Accept()
			if err != nil {
				return
			}
			io.WriteString(connection, "hello")
			connection.Close()
			reply("226 Sent")
		default:
			reply("550 No such file or directory")
		}
	}
}

// TestFTPKeepsTheConnection requires that a transfer that the server refuses costs
// the control connection nothing.
func TestFTPKeepsTheConnection(t *testing.T) {
	const downloaded = "0 hello\n"
	refusals := []struct{ name, path, outcome string }{
		{name: "folder", path: "nodir/hello", outcome: "9 \n"}, // CURLE_REMOTE_ACCESS_DENIED
		{name: "file", path: "dir/nofile", outcome: "78 \n"},   // CURLE_REMOTE_FILE_NOT_FOUND
	}
	compare(t, "testdata/ftp.c", func(t *testing.T, library, made string) {
		for _, refusal := range refusals {
			t.Run(refusal.name, func(t *testing.T) {
				server := startFTP(t)
				base := "ftp://" + server.Addr().String() + "/"
				said, err := program.Command(library, made, base+"dir/hello", base+refusal.path, base+"dir/hello").CombinedOutput()
				require.NoError(t, err, "%s", said)
				require.Equal(t, downloaded+refusal.outcome+downloaded, string(said))
				require.EqualValues(t, 1, server.controls.Load(), "control connections")
			})
		}
	})
}
