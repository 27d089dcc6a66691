package page_test

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	printing "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/report/page"
)

// run is the evidence of a run with one connection.
func run(variant string, verdict judge.Verdict) *evidence.Evidence {
	begin, client := time.Unix(1000, 0), netip.MustParseAddrPort("127.0.0.1:1000")
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	call := func(ms int, name string, result int64, failed string) events.Event {
		return events.Event{Time: int64(ms) * 1e6, Call: name, SSL: "0x1", FD: 4, Local: client, Length: 100, Result: result, Error: failed}
	}
	return &evidence.Evidence{
		Path: "/somewhere/out/reported/c-demo-perform-" + variant,
		Record: evidence.Record{
			Programs: []evidence.Program{{Name: "libcurl.so.4", SHA256: "cafe" + variant}, {Name: "c-demo"}},
			Made:     begin, Summary: "Writes <answer> WANT_WRITE.",
			Manifest: &library.Manifest{Variant: variant, PatchSeries: "abc123"},
			Run: outcome.Run{
				Command: "pipelab run --library " + variant, Scenario: "reported", Subject: "c-demo", Driver: "perform", Library: "7.53.1 " + variant, Verdict: verdict,
				Expected: verdict, Connections: 1, Requests: 1, Answered: 1, OwnResponse: 1,
				Invariants: []judge.Finding{{
					ID: "no-reset", Verdict: verdict, Expected: "no connection ended early", Actual: "what was seen", Rule: "RFC 9112 §9.6",
				}},
			},
		},
		Events: evidence.Events{Clock: evidence.Clock{Time: begin}, Events: []events.Event{
			call(0, "connect", 0, ""), call(1, "SSL_connect", 1, ""), call(2, "SSL_write", -1, events.WantWrite),
			call(4, "SSL_write", 100, ""), call(8, "close", 0, ""),
		}},
		Origin: &origin.Log{Connections: []origin.Connection{{
			Client:   client,
			Requests: []origin.Request{{ID: "r0001", Length: 100, Arrived: at(5), AnswerBegan: at(6), AnswerEnded: at(7)}},
		}}},
		Packets: &flow.Traffic{Connections: []flow.Connection{{
			Client: client, SYNs: 1, RST: &flow.Ending{Time: at(8), By: flow.Client, AfterByte: 321},
		}}},
	}
}

func written(t *testing.T, problem string, all ...*evidence.Evidence) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, page.Write(&out, all, page.Frame{Base: "/somewhere/out", Problem: problem}))
	return out.String()
}

// browser is a headless Chromium with a page open, and its error messages.
type browser struct {
	ctx      context.Context
	mutex    sync.Mutex
	problems []string
	fetched  []string
}

// open opens the page in Chromium.
func open(t *testing.T, html string) *browser {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium; scripts/setup --tests installs it")
	}
	file := filepath.Join(t.TempDir(), "index.html")
	require.NoError(t, os.WriteFile(file, []byte(html), 0o600))
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(2*time.Minute))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	chromedp.ListenTarget(ctx, b.note)
	require.NoError(t, chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable(),
		chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String())))
	return b
}

func (b *browser) note(event any) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, "console."+e.Type.String())
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			b.fetched = append(b.fetched, e.Request.URL)
		}
	}
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	require.NoError(t, chromedp.Run(b.ctx, actions...))
}

func TestChromiumShowsThePage(t *testing.T) {
	b := open(t, written(t, "", run("patched", judge.Pass), run("stock", judge.Fail)))
	var text, title string
	var cards []string
	var names []string
	b.do(t,
		chromedp.Title(&title),
		chromedp.Text("body", &text, chromedp.ByQuery),
		chromedp.Evaluate(`[...document.querySelectorAll("article h4")].map(e => e.innerText.trim())`, &cards),
		chromedp.Evaluate(`[...document.querySelectorAll("svg[role=img]")].map(e => e.getAttribute("aria-label"))`, &names))
	require.Equal(t, "pipelab: 2 of 2 runs as expected", title)
	require.Contains(t, text, "Writes <answer> WANT_WRITE.")
	require.Contains(t, text, "a RST from the client after its byte 321")
	require.Contains(t, text, "pipelab run --library stock")
	require.Contains(t, text, "RFC 9112 §9.6")
	require.Equal(t, []string{"before: 7.53.1 stock fail", "after: 7.53.1 patched pass"}, cards)
	require.Len(t, names, 2, "each picture has words in its place")
	require.Contains(t, names[0], "1 connection in 8.0 ms, 1 request, 1 blocked write")

	b.mutex.Lock()
	defer b.mutex.Unlock()
	require.Empty(t, b.problems)
	require.Len(t, b.fetched, 1, "nothing but the page itself: %v", b.fetched)
}

func TestThePageFitsPhoneAndPaperAndBothSchemes(t *testing.T) {
	b := open(t, written(t, "", run("stock", judge.Fail), run("patched", judge.Pass)))
	var overflow int
	var background [2]string
	for i, scheme := range []string{"light", "dark"} {
		b.do(t,
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &background[i]))
	}
	require.Equal(t, [2]string{"rgb(255, 255, 255)", "rgb(13, 17, 23)"}, background)
	b.do(t,
		chromedp.EmulateViewport(360, 740),
		chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow))
	require.Zero(t, overflow, "nothing sticks out of a phone")
	shown := func() (seen bool) {
		b.do(t, chromedp.Evaluate(`document.querySelector("details.printed .invariants, details.printed dl").checkVisibility(
			{contentVisibilityAuto: true})`, &seen))
		return seen
	}
	require.False(t, shown(), "folded on a screen")
	b.do(t,
		emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.EmulateViewport(750, 1000),
		chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow))
	require.Zero(t, overflow, "nor out of a sheet of paper")
	require.True(t, shown(), "nobody can unfold paper")
}

// many returns runs of scenarios in the order of their names, each with stock
// and patched.
func many(ids ...string) (list []*evidence.Evidence) {
	for _, id := range ids {
		for variant, verdict := range map[string]judge.Verdict{"stock": judge.Fail, "patched": judge.Pass} {
			e := run(variant, verdict)
			e.Record.Run.Scenario = id
			list = append(list, e)
		}
	}
	return list
}

func TestManyRunsHaveContentsAFilterAndTheLaboratorysOrder(t *testing.T) {
	ids := []string{"a-scenario-of-tomorrow", "added-at-once", "close-announced", "excess-bytes", "framing-nul", "honest-origin",
		"keyupdate-while-writing", "large-request", "paused-head", "reported", "truncated-body"}
	all := many(ids...)
	all[0].Record.Run.Expected = judge.Inconclusive
	b := open(t, written(t, "", all...))
	shown := func() (names []string) {
		b.do(t, chromedp.Evaluate(`[...document.querySelectorAll("section.scenario")].filter(e => e.checkVisibility()).map(
			e => e.querySelector("h2").innerText + " " + [...e.querySelectorAll("article")].filter(e => e.checkVisibility()).length)`, &names))
		return names
	}
	order := []string{"honest-origin 2", "added-at-once 2", "reported 2", "large-request 2", "keyupdate-while-writing 2",
		"close-announced 2", "truncated-body 2", "excess-bytes 2", "paused-head 2", "framing-nul 2", "a-scenario-of-tomorrow 2"}
	require.Equal(t, order, shown())
	var contents []string
	b.do(t, chromedp.Evaluate(`[...document.querySelectorAll(".contents a")].map(e => document.querySelector(e.hash).innerText)`, &contents))
	require.Len(t, contents, len(ids), "each entry leads to its scenario")

	var count string
	b.do(t, chromedp.SendKeys("#filter-words", "STOCK re", chromedp.ByQuery), chromedp.Text("#filter-shown", &count, chromedp.ByQuery))
	require.Equal(t, []string{"reported 1", "large-request 1"}, shown())
	require.Equal(t, "2 of 22 runs", count)
	b.do(t, chromedp.SendKeys("#filter-words", strings.Repeat("\b", len("STOCK re")), chromedp.ByQuery), chromedp.Click("#filter-others", chromedp.ByQuery))
	require.Equal(t, []string{"a-scenario-of-tomorrow 1"}, shown())

	require.NotContains(t, written(t, "", all[:20]...), "<script", "a page of few needs none")
}

func TestLabelsStayInSightOnAPhone(t *testing.T) {
	b := open(t, written(t, "", run("stock", judge.Fail)))
	var label, legend []float64
	b.do(t, chromedp.EmulateViewport(360, 740), chromedp.Evaluate(`(() => {
		document.querySelector("article .wide").scrollLeft = 150;
		const at = document.querySelector(".labels").getBoundingClientRect();
		return [at.left, at.right];
	})()`, &label),
		chromedp.Evaluate(`(() => { const at = document.querySelector(".legend").getBoundingClientRect(); return [at.left, at.right]; })()`, &legend))
	require.GreaterOrEqual(t, label[0], 0.0, "they scroll away")
	require.LessOrEqual(t, legend[1], 360.0, "the legend wraps")
}

func TestSixRunsFitOnEightSheets(t *testing.T) {
	all := many("reported", "large-request", "paused-head")
	for _, e := range all {
		for _, id := range judge.Invariants() {
			e.Record.Run.Invariants = append(e.Record.Run.Invariants, judge.Finding{ID: id.ID, Rule: id.Rule, Verdict: judge.Pass,
				Expected: "what is expected of it, in a line", Actual: strings.Repeat("what was seen of it ", 5)})
		}
	}
	b := open(t, written(t, "", all...))
	var paper []byte
	b.do(t, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		paper, _, err = printing.PrintToPDF().Do(ctx)
		return err
	}))
	sheets := regexp.MustCompile(`/Type\s*/Page\b`).FindAll(paper, -1)
	require.NotEmpty(t, sheets)
	require.LessOrEqual(t, len(sheets), 8)
}

func TestInvariantsThatAreNotApplicableAreApart(t *testing.T) {
	e := run("own", judge.Pass)
	e.Record.Run.Invariants = append(e.Record.Run.Invariants, judge.Finding{ID: "no-leak", Verdict: judge.NotApplicable, Actual: "unseen"})
	html := written(t, "", e)
	require.Contains(t, html, "Invariants that held: 1</summary>")
	require.Contains(t, html, "Invariants that are n/a: 1</summary>")
	e.Origin.Connections, e.Packets.Connections, e.Events.Events = nil, nil, nil
	html = written(t, "", e)
	require.Contains(t, html, "No connection was made.")
	require.NotContains(t, html, "<svg")
}

func TestWhatCouldNotBeReadIsSaid(t *testing.T) {
	html := written(t, "x/run.json is <damaged>", run("stock", judge.Pass))
	require.Contains(t, html, "<dt>libcurl.so.4, SHA-256</dt><dd><code>cafestock</code></dd>")
	require.Contains(t, html, "<dt>c-demo, SHA-256</dt><dd><code>it could not be read</code></dd>")
	require.Contains(t, html, "Not everything could be read: x/run.json is &lt;damaged&gt;")
	e := run("own", judge.NotApplicable)
	e.Packets, e.Record.NoPackets, e.Record.Manifest = nil, "packets cannot be captured", nil
	html = written(t, "", e)
	require.Contains(t, html, "No packets: packets cannot be captured.")
	require.NotContains(t, html, "capture.pcapng")
	require.NotContains(t, html, "before", "there is nothing to compare")
	require.Contains(t, html, `href="reported/c-demo-perform-own/run.json"`)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestPageThatCannotBeWritten(t *testing.T) {
	require.ErrorContains(t, page.Write(full{}, nil, page.Frame{Base: "."}), "writing the report: no space")
}
