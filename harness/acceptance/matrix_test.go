package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/readme/readmetest"
)

// madeMatrix has scripts/matrix make the matrix of a scenario.
func madeMatrix(t *testing.T, scenario string) *matrix.Document {
	t.Helper()
	file := filepath.Join(t.TempDir(), "matrix.json")
	command := exec.Command("../../scripts/matrix", "--scenario", scenario, "--fresh", "--jobs", "2", "--json", file)
	// A script must not use the libcurl that the tests are linked to.
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LD_LIBRARY_PATH=") {
			command.Env = append(command.Env, variable)
		}
	}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	d, err := matrix.Read(file)
	require.NoError(t, err)
	return d
}

// TestMatrix runs the report's scenario with every OpenSSL that Debian serves:
// stock fails and patched passes, with both versions of TLS. Each suite's own
// libcurl keeps its connection over HTTP/2.
func TestMatrix(t *testing.T) {
	d := madeMatrix(t, "reported")
	for _, gap := range d.Axes.Gaps {
		t.Logf("%s is n/a: %s", gap.OpenSSL, gap.Reason)
	}
	rows, versions := 0, make(map[string]bool)
	for _, row := range d.Grid().Rows {
		if d.Axes.Gap(row.OpenSSL.Name, "") != "" {
			continue
		}
		rows++
		versions[row.OpenSSL.Version] = true
		for _, p := range row.OpenSSL.Packages {
			require.Regexp(t, `^[0-9a-f]{64}$`, p.SHA256)
		}
		for _, tls := range []string{"1.2", "1.3"} {
			for _, c := range clients {
				for _, libcurl := range []string{"7.53.1 stock", "7.53.1 patched"} {
					requireReported(t, find(t, d, row.OpenSSL.Name, libcurl, tls, c.subject, c.driver), row.OpenSSL.Version)
				}
			}
		}
	}
	require.GreaterOrEqual(t, len(versions), 2, "there is no matrix with fewer OpenSSLs: %+v", d.Axes.Gaps)
	packaged := requirePackaged(t, d)
	require.NotEmpty(t, packaged, "no suite has a libcurl with HTTP/2: %+v", d.Axes.Gaps)
	require.Len(t, d.Runs, rows*2*2*len(clients)+len(packaged))

	readmetest.RequireLike(t, "../docs/matrix.md", "matrix", d.Markdown(), func(got string) { requireGrid(t, d, got) })
}

// requirePackaged requires one connection and blocked writes in each run with a
// suite's own libcurl, and returns these runs.
func requirePackaged(t *testing.T, d *matrix.Document) []*outcome.Run {
	t.Helper()
	var found []*outcome.Run
	for i := range d.Runs {
		r := &d.Runs[i]
		if r.Library != "packaged HTTP/2" {
			continue
		}
		found = append(found, r)
		where := r.OpenSSLName + " " + r.LibcurlVersion
		require.True(t, r.AsExpected(), "%s: %+v", where, r)
		require.Equal(t, judge.Pass, finding(t, *r, "exercised").Verdict, where)
		require.Equal(t, 1, r.Connections, where)
		require.Equal(t, 50, r.OwnResponse, where)
		require.Positive(t, r.WantWrite, where)
	}
	return found
}

// find returns the only run with these properties.
func find(t *testing.T, d *matrix.Document, openssl, libcurl, tls, subject, driver string) *outcome.Run {
	t.Helper()
	var found []*outcome.Run
	for i := range d.Runs {
		r := &d.Runs[i]
		if r.OpenSSLName == openssl && r.Library == libcurl && r.TLS == tls && r.Subject == subject && r.Driver == driver {
			found = append(found, r)
		}
	}
	require.Len(t, found, 1, "%s, %s, TLS %s, %s, %s", openssl, libcurl, tls, subject, driver)
	return found[0]
}

// requireReported requires the defect in stock, and no defect in patched.
func requireReported(t *testing.T, r *outcome.Run, version string) {
	t.Helper()
	require.Equal(t, version, r.OpenSSL, "the client was seen to use it")
	require.Equal(t, judge.Pass, finding(t, *r, "exercised").Verdict)
	if strings.HasSuffix(r.Library, " patched") {
		require.Equal(t, judge.Pass, r.Verdict, "%+v", r)
		require.Equal(t, 1, r.Connections)
		return
	}
	require.Equal(t, judge.Fail, r.Verdict, "%+v", r)
	require.GreaterOrEqual(t, r.BadWriteRetry, 1)
	require.GreaterOrEqual(t, r.Resets, 1)
}

// packagedVersion is how a cell begins that names the release of its libcurl.
var packagedVersion = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+: `)

// requireGrid requires that the grid in the manual has the same outcomes,
// whichever versions the suites had then and have now.
func requireGrid(t *testing.T, d *matrix.Document, got string) {
	t.Helper()
	rows := make(map[string]string)
	for _, line := range strings.Split(got, "\n") {
		cells := strings.SplitN(strings.Trim(line, "| "), " | ", 3)
		if len(cells) == 3 {
			rows[cells[0]] = packagedVersion.ReplaceAllString(cells[2], "")
		}
	}
	for _, line := range strings.Split(d.Markdown(), "\n") {
		cells := strings.SplitN(strings.Trim(line, "| "), " | ", 3)
		if len(cells) == 3 && d.Axes.Gap(cells[0], "") == "" {
			require.Equal(t, packagedVersion.ReplaceAllString(cells[2], ""), rows[cells[0]], "%s: go test with -update writes it anew", cells[0])
		}
	}
}
