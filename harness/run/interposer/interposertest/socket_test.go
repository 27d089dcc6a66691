package interposertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireEachWay compares the events of the command each-way with its actions.
func requireEachWay(t *testing.T, events []event) {
	require.Len(t, calls(events, "connect"), 1)
	sends := calls(events, "send")
	require.Len(t, sends, 5)
	for i, content := range []string{"send", "sendto", "write", "writev", "sendmsg"} {
		require.Equal(t, len(content), sends[i].Length)
		require.Equal(t, len(content), sends[i].Return)
		require.Equal(t, hashOf(content), sends[i].Hash)
		require.Empty(t, sends[i].Error)
		require.Empty(t, sends[i].SSL)
		require.Equal(t, calls(events, "connect")[0].FD, sends[i].FD)
	}
	require.Len(t, calls(events, "close"), 1)
	require.Contains(t, events[0].Local, "127.0.0.1:")
	for _, e := range events {
		require.Equal(t, events[0].Local, e.Local, "%s", e.Call)
	}
	require.Len(t, events, 7, "nothing but the TCP socket's calls is reported")
}

func TestPlainCallsAreReported(t *testing.T) {
	port := listen(t, swallow)
	_, events := startObserved(t, true, nil, plain, port, "each-way").finish()
	requireEachWay(t, events)
}

func TestPlainSendThatBlocks(t *testing.T) {
	port := listen(t, readAfter(t.Context().Done()))
	output, events := startObserved(t, true, nil, plain, port, "until-blocked").finish()
	require.Contains(t, output, "blocked Resource temporarily unavailable\n")
	sends := calls(events, "send")
	last := sends[len(sends)-1]
	require.Equal(t, -1, last.Return)
	require.Equal(t, "WANT_WRITE", last.Error)
	require.Equal(t, 65536, last.Length)
}

func TestChildrenAreObserved(t *testing.T) {
	port := listen(t, swallow)
	_, events := startObserved(t, true, nil, plain, port, "child").finish()
	requireEachWay(t, events)
}

func TestThreadsDoNotMixTheirLines(t *testing.T) {
	port := listen(t, swallow)
	_, events := startObserved(t, true, nil, plain, port, "threads").finish()
	require.Len(t, calls(events, "send"), 4*200)
	require.Len(t, calls(events, "connect"), 4)
	require.Len(t, calls(events, "close"), 4)
}

func TestSendBufferIsClamped(t *testing.T) {
	port := listen(t, swallow)
	bare, _ := startBare(t, plain, port, "send-buffer").finish()
	output, events := startObserved(t, true, []string{"PIPELAB_SEND_BUFFER=8192"}, plain, port, "send-buffer").finish()
	require.NotEqual(t, bare, output)
	require.Contains(t, output, "SO_SNDBUF 16384\n") // the kernel doubles it

	clamps := calls(events, "setsockopt")
	require.Len(t, clamps, 1)
	require.Equal(t, 8192, clamps[0].Length)
	require.Equal(t, 0, clamps[0].Return)
	require.Equal(t, "connect", events[1].Call)
	require.Equal(t, clamps[0], events[0], "clamped before the connection is made")
}

func TestSendBufferWithoutEvents(t *testing.T) {
	port := listen(t, swallow)
	client := &client{t: t, command: exec.Command(plain, port, "send-buffer")}
	client.command.Env = append(os.Environ(), "LD_PRELOAD="+interposer, "PIPELAB_SEND_BUFFER=8192")
	client.start()
	output, _ := client.finish()
	require.Contains(t, output, "SO_SNDBUF 16384\n")
}

func TestTheSendWhoseTurnItIsBlocks(t *testing.T) {
	port := listen(t, swallow)
	output, events := startObserved(t, true, []string{"PIPELAB_BLOCKED_SEND=1"}, plain, port, "until-blocked").finish()
	require.Contains(t, output, "blocked Resource temporarily unavailable\n")
	sends := calls(events, "send")
	require.Len(t, sends, 1, "not the first one, but one that the kernel has blocked")
	require.Equal(t, -1, sends[0].Return)
	require.Equal(t, "WANT_WRITE", sends[0].Error)
}

// Without its variables, and with invalid ones, the client runs as if it were
// alone.
func TestNothingHappensUnasked(t *testing.T) {
	port := listen(t, swallow)
	readOnly, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer readOnly.Close()
	for name, variables := range map[string][]string{
		"nothing set":        nil,
		"empty":              {"PIPELAB_EVENTS_FD=", "PIPELAB_SEND_BUFFER="},
		"no numbers":         {"PIPELAB_EVENTS_FD=3x", "PIPELAB_SEND_BUFFER=much"},
		"negative":           {"PIPELAB_EVENTS_FD=-3", "PIPELAB_SEND_BUFFER=-1"},
		"too large":          {"PIPELAB_EVENTS_FD=99999999999999999999", "PIPELAB_SEND_BUFFER=99999999999"},
		"no such descriptor": {"PIPELAB_EVENTS_FD=77"},
		"not writable":       {"PIPELAB_EVENTS_FD=3"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, command := range []string{"each-way", "send-buffer", "wrongly"} {
				bare, _ := startBare(t, plain, port, command).finish()
				client := &client{t: t, command: exec.Command(plain, port, command)}
				client.command.Env = append(os.Environ(), "LD_PRELOAD="+interposer)
				client.command.Env = append(client.command.Env, variables...)
				client.command.ExtraFiles = []*os.File{readOnly}
				client.start()
				output, _ := client.finish()
				require.Equal(t, bare, output)
			}
		})
	}
}

// A wrong call of the client fails in the same way, errno included.
func TestPlainClientSeesNoDifference(t *testing.T) {
	port := listen(t, swallow)
	bare, _ := startBare(t, plain, port, "wrongly").finish()
	observed, events := startObserved(t, true, nil, plain, port, "wrongly").finish()
	require.Equal(t, bare, observed)
	sends := calls(events, "send")
	require.Len(t, sends, 1, "a descriptor that is no socket is not reported")
	require.Equal(t, "SYSCALL", sends[0].Error)
	require.Empty(t, sends[0].Hash)
}

func TestReaderThatGoesAwayDoesNotKillTheClient(t *testing.T) {
	port := listen(t, swallow)
	client := startObserved(t, false, nil, plain, port, "each-way")
	require.NoError(t, client.read.Close())
	output, _ := client.finish()
	require.Contains(t, output, "sendmsg 7\n")
}

func TestLostLinesAreCounted(t *testing.T) {
	port := listen(t, swallow)
	client := startObserved(t, false, nil, plain, port, "full-pipe", eventsFD)
	for client.line() != "full" {
	}
	client.makeRoom(16384)
	client.gatherEvents()
	client.goOn()
	_, events := client.finish()

	require.Len(t, events, 4)
	require.Equal(t, "connect", events[0].Call)
	require.Equal(t, "dropped", events[1].Call)
	require.Equal(t, 3, events[1].Count)
	require.Equal(t, "send", events[2].Call)
	require.Equal(t, hashOf("seen"), events[2].Hash)
	require.Equal(t, "close", events[3].Call)
}

func TestFileBehindTheNumberOfThePipeIsLeftAlone(t *testing.T) {
	port := listen(t, swallow)
	file := filepath.Join(t.TempDir(), "file")
	output, events := startObserved(t, true, nil, plain, port, "replace-events", eventsFD, file).finish()
	require.Contains(t, output, "send 6\n")
	require.Len(t, events, 1)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, content)
}

// The hooks as part of an executable that is built with sanitizers.
func TestSanitized(t *testing.T) {
	for _, command := range []string{"each-way", "until-blocked", "threads", "child"} {
		t.Run(command, func(t *testing.T) {
			peer := swallow
			if command == "until-blocked" {
				peer = readAfter(t.Context().Done())
			}
			client := startObserved(t, true, []string{"LD_PRELOAD="}, sanitized, listen(t, peer), command)
			_, events := client.finish()
			require.NotEmpty(t, calls(events, "send"))
		})
	}
}

func TestValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("valgrind is not installed: run scripts/setup")
	}
	port := listen(t, swallow)
	client := startObserved(t, true, nil, valgrind, "--quiet", "--error-exitcode=9", "--leak-check=full",
		"--trace-children=yes", "--child-silent-after-fork=yes", plain, port, "each-way")
	_, events := client.finish()
	require.Len(t, calls(events, "send"), 5)
}
