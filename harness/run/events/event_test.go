package events

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	e, err := Parse([]byte(`{"t":6989304143863,"call":"SSL_write","ssl":"0x55d1","fd":4,"local":"127.0.0.1:4031","buf":"0x55d2",` +
		`"len":12475,"hash":"394af531bd10aeb3","ret":-1,"error":"WANT_WRITE"}`))
	require.NoError(t, err)
	require.Equal(t, Event{
		Time: 6989304143863, Call: "SSL_write", SSL: "0x55d1", FD: 4, Local: netip.MustParseAddrPort("127.0.0.1:4031"), Buffer: "0x55d2",
		Length: 12475, Hash: "394af531bd10aeb3", Result: -1, Error: WantWrite,
	}, e)

	e, err = Parse([]byte(`{"t":1,"call":"dropped","count":7}`))
	require.NoError(t, err)
	require.Equal(t, Event{Time: 1, Call: "dropped", Count: 7}, e)
}

func TestParseRefusesWhatIsNoEvent(t *testing.T) {
	for _, line := range []string{"", "oops", `{"t":`, `{"t":"now"}`, `[1]`} {
		_, err := Parse([]byte(line))
		require.ErrorContains(t, err, "reading an event of the interposer", line)
	}
}

// readAll returns the events in r.
func readAll(r io.Reader) ([]string, error) {
	var calls []string
	err := Read(r, func(e Event) { calls = append(calls, e.Call) })
	return calls, err
}

func TestReadHandsEventsOnInOrder(t *testing.T) {
	text := `{"t":1,"call":"connect"}` + "\n" + `{"t":2,"call":"send"}` + "\n" + `{"t":3,"call":"close"}` + "\n"
	calls, err := readAll(iotest.OneByteReader(strings.NewReader(text)))
	require.NoError(t, err)
	require.Equal(t, []string{"connect", "send", "close"}, calls)

	calls, err = readAll(strings.NewReader(""))
	require.NoError(t, err)
	require.Empty(t, calls)
}

func TestReadForgivesALastLineThatWasCutOff(t *testing.T) {
	text := `{"t":1,"call":"connect"}` + "\n" + `{"t":2,"call":"send"}`
	for cut := strings.Index(text, "\n") + 1; cut <= len(text); cut++ {
		calls, err := readAll(strings.NewReader(text[:cut]))
		require.NoError(t, err)
		require.Equal(t, []string{"connect"}, calls, "without its line break an event did not arrive whole")
	}
}

func TestReadStopsAtALineThatIsNoEvent(t *testing.T) {
	calls, err := readAll(strings.NewReader(`{"t":1,"call":"connect"}` + "\noops\n" + `{"t":2,"call":"send"}` + "\n"))
	require.ErrorContains(t, err, `"oops\n"`)
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, []string{"connect"}, calls)
}

func TestReadSaysThatReadingFailed(t *testing.T) {
	broken := errors.New("the pipe broke")
	_, err := readAll(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

func TestReadEndsWhenThePipeIsClosed(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer writer.Close()
	seen, ended := make(chan string), make(chan error)
	go func() { ended <- Read(reader, func(e Event) { seen <- e.Call }) }()
	_, err = writer.WriteString(`{"t":1,"call":"connect"}` + "\n")
	require.NoError(t, err)
	require.Equal(t, "connect", <-seen, "while the writer is still there")
	require.NoError(t, reader.Close())
	require.NoError(t, <-ended)
}

func TestBlocked(t *testing.T) {
	for name, each := range map[string]struct {
		event   Event
		blocked bool
	}{
		"WANT_WRITE":             {Event{Call: "SSL_write", Result: -1, Error: WantWrite}, true},
		"WANT_READ":              {Event{Call: "SSL_write", Result: -1, Error: WantRead}, true},
		"SSL_write_ex":           {Event{Call: "SSL_write_ex", Error: WantWrite}, true},
		"refused":                {Event{Call: "SSL_write", Result: -1, Error: "SSL"}, false},
		"written":                {Event{Call: "SSL_write", Length: 9, Result: 9}, false},
		"a read":                 {Event{Call: "SSL_read", Result: -1, Error: WantRead}, false},
		"connecting":             {Event{Call: "connect", Result: -1, Error: WantWrite}, false},
		"plain, would block":     {Event{Call: "send", Length: 9, Result: -1, Error: WantWrite}, true},
		"plain, a part":          {Event{Call: "send", Length: 9, Result: 8}, true},
		"plain, nothing of it":   {Event{Call: "send", Length: 9}, true},
		"plain, all":             {Event{Call: "send", Length: 9, Result: 9}, false},
		"plain, reset":           {Event{Call: "send", Length: 9, Result: -1, Error: "SYSCALL"}, false},
		"plain, nothing to send": {Event{Call: "send"}, false},
	} {
		require.Equal(t, each.blocked, each.event.Blocked(), name)
	}
}
