package framing_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// asked is a kind of request, as in testdata/unpipelined.c.
type asked struct {
	name string
	// pipelined, if true, means that the request shares the connection.
	pipelined bool
	// code and body of the outcome.
	code int
	body string
}

// kinds are the kinds in the order in which the program tries them.
var kinds = []asked{
	{name: "get", pipelined: true, body: own(1)},
	{name: "get-by-name", pipelined: true, body: own(1)},
	{name: "head", pipelined: true},
	{name: "head-by-name", pipelined: true},
	{name: "options", pipelined: true, body: own(1)},
	{name: "keep-alive", pipelined: true, body: own(1)},
	{name: "upgrade-insecure", pipelined: true, body: own(1)},
	{name: "delete", body: own(1)},
	{name: "get-in-small-letters", body: own(1)},
	{name: "head-with-body", code: 18}, // CURLE_PARTIAL_FILE
	{name: "get-without-body"},
	{name: "get-without-late-body"},
	{name: "options-without-body"},
	{name: "ignored-length", body: own(1)},
	{name: "alias", body: "hello"},
	{name: "forbid-reuse", body: own(1)},
	{name: "connect-only"},
	{name: "http-1.0", body: own(1)},
	{name: "field-length", body: own(1)},
	{name: "field-coding", body: own(1)},
	{name: "field-upgrade", body: own(1)},
	{name: "field-close", body: own(1)},
	{name: "proxy-field-close", body: own(1)},
}

// outcomes runs the program. Each kind has a line for when it is the first on
// the connection, and one for when it is behind another.
func outcomes(t *testing.T, made, library, driver string) []string {
	t.Helper()
	command := program.Command(library, made, driver)
	command.Stderr = os.Stderr
	said, err := command.Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	require.Len(t, lines, 2*len(kinds))
	return lines
}

// TestWhatIsPipelined requires that a request has the connection to itself if
// it ends it, or if libcurl might misread its response. Every request must get
// its own response.
func TestWhatIsPipelined(t *testing.T) {
	patched := program.Libcurl(t, "--variant", "patched")
	made := program.Compile(t, patched, []string{"testdata/unpipelined.c"})
	for _, driver := range []string{"perform", "socket"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			got := outcomes(t, made, patched, driver)
			for i, k := range kinds {
				require.Equal(t, k.line("first", k.pipelined), got[2*i])
				require.Equal(t, k.line("behind", k.pipelined), got[2*i+1])
			}
		})
	}
}

// TestStockPipelinesThemAll requires that stock pipelines all kinds except
// HTTP/1.0. Its hangs take long.
func TestStockPipelinesThemAll(t *testing.T) {
	if !long() {
		t.Skip("CURLPIPE_LONG is not set")
	}
	stock := program.Libcurl(t, "--variant", "stock")
	made := program.Compile(t, stock, []string{"testdata/unpipelined.c"})
	for _, driver := range []string{"perform", "socket"} {
		for i, line := range outcomes(t, made, stock, driver) {
			k := kinds[i/2]
			together, _, _ := strings.Cut(line, "|")
			if i%2 == 1 { // a request that only connects is done before others are sent behind it
				require.Equal(t, k.name+" behind "+mark(k.name != "http-1.0"), together, driver)
			}
		}
	}
}

func mark(together bool) string {
	if together {
		return "1"
	}
	return "0"
}

// line returns what the program prints for a kind if all is well.
func (k asked) line(place string, together bool) string {
	text := k.name + " " + place + " " + mark(together) + "|" + strconv.Itoa(k.code) + "/" + k.body
	for n := 2; n <= 4; n++ {
		text += "|0/" + own(n)
	}
	return text
}
