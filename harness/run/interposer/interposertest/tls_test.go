package interposertest

import (
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hashOf is the hash that the interposer should report for content.
func hashOf(content string) string {
	hash := fnv.New64a()
	io.WriteString(hash, content)
	return fmt.Sprintf("%016x", hash.Sum64())
}

// echo sends back what it reads.
func echo(connection net.Conn) {
	defer connection.Close()
	io.Copy(connection, connection)
}

// TestTheVersionComesFirst compares the reported version of OpenSSL with the
// output of the openssl command, which is linked to the same library.
func TestTheVersionComesFirst(t *testing.T) {
	said, err := exec.Command("openssl", "version").Output()
	require.NoError(t, err)
	command, _, _ := strings.Cut(string(said), " (Library")
	_, events := startObserved(t, true, nil, tlsClient, listen(t, overTLS(t, echo)), "echo").finish()
	for _, e := range events {
		if e.SSL != "" {
			require.Fail(t, "a call on an SSL object comes before the version", "%+v", e)
		}
		if e.Call == "version" {
			require.Equal(t, strings.TrimSpace(command), e.Version)
			return
		}
	}
	require.Fail(t, "no version is said")
}

func TestTLSCallsAreReported(t *testing.T) {
	port := listen(t, overTLS(t, echo))
	output, events := startObserved(t, true, nil, tlsClient, port, "echo").finish()
	require.Contains(t, output, "write 5\nread 5\n")

	connects := calls(events, "SSL_connect")
	require.Len(t, connects, 2)
	require.Equal(t, -1, connects[0].FD, "an SSL object without a BIO has no socket")
	require.Equal(t, 1, connects[1].Return)
	require.Empty(t, connects[1].Error)
	require.Empty(t, calls(events, "SSL_do_handshake"), "a call made by OpenSSL itself is not the host's")

	writes := calls(events, "SSL_write")
	require.Len(t, writes, 1)
	require.Equal(t, connects[1].SSL, writes[0].SSL)
	require.Equal(t, connects[1].FD, writes[0].FD)
	require.Equal(t, 5, writes[0].Length)
	require.Equal(t, hashOf("hello"), writes[0].Hash)
	require.Equal(t, 5, writes[0].Return)

	reads := calls(events, "SSL_read")
	require.Len(t, reads, 1)
	require.Equal(t, 16, reads[0].Length)
	require.Equal(t, 5, reads[0].Return)
	require.Empty(t, reads[0].Hash)

	frees := calls(events, "SSL_free")
	require.Len(t, frees, 2)
	require.Equal(t, connects[0].SSL, frees[0].SSL)
	require.Equal(t, connects[1].SSL, frees[1].SSL)

	require.Len(t, calls(events, "version"), 1)
	require.Empty(t, calls(events, "send"), "what OpenSSL sends is not a plain send")
	require.Len(t, calls(events, "connect"), 1)
	require.Len(t, calls(events, "close"), 1)
	for i := 1; i < len(events); i++ {
		require.GreaterOrEqual(t, events[i].Time, events[i-1].Time)
	}
}

func TestWriteIsSeenToBlockAndToBeRepeated(t *testing.T) {
	for _, test := range []struct{ command, call string }{
		{"retry", "SSL_write"},
		{"retry-ex", "SSL_write_ex"},
	} {
		t.Run(test.command, func(t *testing.T) {
			open := make(chan struct{})
			port := listen(t, overTLS(t, readAfter(open)))
			client := startObserved(t, true, nil, tlsClient, port, test.command)
			client.line() // of the SSL object without a BIO
			require.Contains(t, client.line(), "blocked")
			close(open)
			client.goOn()
			output, events := client.finish()
			require.Equal(t, "retried written\n", output)

			writes := calls(events, test.call)
			blocked := -1
			for i, write := range writes {
				if write.Error == "WANT_WRITE" {
					blocked = i
					break
				}
			}
			require.NotEqual(t, -1, blocked, "no write blocked")
			last := writes[len(writes)-1]
			require.Empty(t, last.Error)
			for _, repeated := range writes[blocked:] {
				require.Equal(t, last.Buffer, repeated.Buffer)
				require.Equal(t, last.Length, repeated.Length)
				require.Equal(t, last.Hash, repeated.Hash)
				require.Equal(t, last.SSL, repeated.SSL)
			}
			require.Equal(t, hashOf(strings.Repeat("A", 16384)), last.Hash)
			if test.call == "SSL_write_ex" {
				require.Equal(t, 1, last.Return)
				require.NotNil(t, last.Moved)
				require.Equal(t, 16384, *last.Moved)
				require.Nil(t, writes[blocked].Moved)
			}
		})
	}
}

func TestTheWriteWhoseTurnItIsBlocksOnce(t *testing.T) {
	port := listen(t, overTLS(t, swallow))
	client := startObserved(t, true, []string{"PIPELAB_BLOCKED_SEND=2"}, tlsClient, port, "retry")
	client.line() // of the SSL object without a BIO
	require.Contains(t, client.line(), "blocked")
	client.goOn()
	output, events := client.finish()
	require.Equal(t, "retried written\n", output)
	writes := calls(events, "SSL_write")
	require.GreaterOrEqual(t, len(writes), 3)
	require.Empty(t, writes[0].Error)
	require.Equal(t, "WANT_WRITE", writes[1].Error)
	require.Equal(t, writes[1].Buffer, writes[2].Buffer)
	require.Empty(t, writes[len(writes)-1].Error)
}

func TestBadRetryIsVisible(t *testing.T) {
	port := listen(t, overTLS(t, readAfter(t.Context().Done())))
	output, events := startObserved(t, true, nil, tlsClient, port, "bad-retry").finish()
	require.Contains(t, output, "bad retry -1 error 1 queued")

	writes := calls(events, "SSL_write")
	require.GreaterOrEqual(t, len(writes), 2)
	blocked, retry := writes[len(writes)-2], writes[len(writes)-1]
	require.Equal(t, "WANT_WRITE", blocked.Error)
	require.Equal(t, "SSL", retry.Error)
	require.Equal(t, blocked.SSL, retry.SSL)
	require.NotEqual(t, blocked.Buffer, retry.Buffer)
	require.Equal(t, hashOf(strings.Repeat("A", 16384)), blocked.Hash)
	require.Equal(t, hashOf(strings.Repeat("B", 16384)), retry.Hash)
}

// The error queue, SSL_get_error() and errno are as they are without it.
func TestTLSClientSeesNoDifference(t *testing.T) {
	port := listen(t, overTLS(t, readAfter(t.Context().Done())))
	bare, _ := startBare(t, tlsClient, port, "bad-retry").finish()
	observed, _ := startObserved(t, true, nil, tlsClient, port, "bad-retry").finish()
	require.Equal(t, bare, observed)
}

func TestOpenSSLThatIsLoadedLaterInItsOwnScope(t *testing.T) {
	port := listen(t, overTLS(t, echo))
	output, events := startObserved(t, true, nil, pluginHost, tlsPlugin, port, "echo").finish()
	require.Contains(t, output, "write 5\nread 5\n")
	writes := calls(events, "SSL_write")
	require.Len(t, writes, 1)
	require.Equal(t, hashOf("hello"), writes[0].Hash)
}

// The host has an OpenSSL in its own scope, and the plugin loads another one.
func TestAnObjectIsGivenToTheLibraryThatMadeIt(t *testing.T) {
	output, events := startObserved(t, true, nil, secureHost, otherTLS, "1", "hello").finish()
	require.Equal(t, "the other library's SSL_write\nwrite 5\nthe other library's SSL_free\n", output)
	writes := calls(events, "SSL_write")
	require.Len(t, writes, 1)
	require.Equal(t, hashOf("hello"), writes[0].Hash)
}
