// Package labtest has the parts of a fake subject, for tests of code that runs
// subjects. A test binary that starts itself can use them to play any role.
package labtest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// CarryOut does what a good subject does: it reads the plan from standard
// input, makes the requests, one after the other over one connection, and
// prints a report. In place of a version the report has what the laboratory
// put into the environment: the loader's path, the interposer and the size of
// the send buffer. It panics if anything goes wrong.
func CarryOut() {
	var p plan.Plan
	must(json.NewDecoder(os.Stdin).Decode(&p))
	report := plan.Report{
		Subject: "fake", Driver: p.Driver, DurationMS: 3, CPUMS: 2,
		LibcurlVersion: strings.Join([]string{
			os.Getenv("LD_LIBRARY_PATH"), os.Getenv("LD_PRELOAD"), os.Getenv("PIPELAB_SEND_BUFFER"),
		}, " "),
	}
	transport := &http.Transport{MaxConnsPerHost: 1} // otherwise it may open another before the first one is idle
	if p.CAFile != "" {
		authority, err := os.ReadFile(p.CAFile)
		must(err)
		authorities := x509.NewCertPool()
		authorities.AppendCertsFromPEM(authority)
		transport.TLSClientConfig = &tls.Config{RootCAs: authorities}
	}
	for _, r := range p.Requests {
		report.Results = append(report.Results, ask(transport, p.URL, &r))
	}
	transport.CloseIdleConnections()
	must(report.Write(os.Stdout))
}

// ask makes one request.
func ask(transport http.RoundTripper, url string, r *plan.Request) plan.Result {
	request, err := http.NewRequest(r.Method, url+r.Path, nil)
	must(err)
	for _, field := range r.Fields() {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}
	response, err := transport.RoundTrip(request)
	must(err)
	body, err := io.ReadAll(response.Body)
	must(err)
	return plan.Result{
		ID: r.ID, Answered: true, Status: response.StatusCode, BodyID: response.Header.Get(plan.RequestIDField),
		BodyBytes: int64(len(body)), BodyHash: plan.Hash(body), TimesCompleted: 1,
	}
}

// EventsPipe is the pipe that the interposer would write to.
func EventsPipe() *os.File {
	fd, err := strconv.Atoi(os.Getenv("PIPELAB_EVENTS_FD"))
	must(err)
	return os.NewFile(uintptr(fd), "events")
}

// BlockOnce writes the events of a write that was blocked and then repeated,
// and the beginning of one that the subject's end cuts off.
func BlockOnce() {
	const write = `{"t":1,"call":"SSL_write","ssl":"0x1","fd":4,"buf":"0xa0","len":9,"hash":"aa","ret":%d,"error":%q}` + "\n"
	_, err := fmt.Fprintf(EventsPipe(), write+write+`{"t":2,"call":"SSL_wr`, -1, "WANT_WRITE", 9, "")
	must(err)
}

// Preloadable returns the path of a library that can be preloaded in this
// executable without effect, because it is linked to it. If it is linked to
// none, preloading has no effect, whatever the path.
func Preloadable() string {
	maps, err := os.ReadFile("/proc/self/maps")
	must(err)
	if path := regexp.MustCompile(`/\S+\.so\S*`).Find(maps); path != nil {
		return string(path)
	}
	return "/nowhere.so"
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
