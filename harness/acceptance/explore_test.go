package acceptance

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/judge"
	"github.com/curlpipe/curlpipe/harness/lab"
	"github.com/curlpipe/curlpipe/harness/library"
	"github.com/curlpipe/curlpipe/harness/report"
	"github.com/curlpipe/curlpipe/harness/scenario"
)

func TestExplore(t *testing.T) {
	text, err := os.ReadFile("/tmp/w/steps.txt")
	require.NoError(t, err)
	var libs []*library.Library
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		l, err := (&library.Finder{Cache: "/nonexistent"}).Find(strings.Fields(line)[1])
		require.NoError(t, err)
		libs = append(libs, l)
	}
	b := newBench(t)
	subject, err := b.subjects.Find("c-demo")
	require.NoError(t, err)
	out, _ := os.Create("/tmp/w/explore.txt")
	for _, s := range scenario.All() {
		for _, driver := range []string{"perform", "socket"} {
			memo := map[int]bool{}
			pass := func(n int) bool {
				if v, ok := memo[n]; ok {
					return v
				}
				o, err := lab.Run(context.Background(), lab.Setup{Scenario: &s, Subject: subject, Driver: driver, Library: libs[n], Interposer: b.interposer, Engine: b.engine, Seed: 1})
				require.NoError(t, err)
				memo[n] = report.Of(o, "c-demo", driver, libs[n]).Verdict == judge.Pass
				return memo[n]
			}
			if pass(0) {
				fmt.Fprintf(out, "%s %s: stock passes\n", s.ID, driver)
				continue
			}
			lo, hi := 0, len(libs)-1
			for hi-lo > 1 {
				m := (lo + hi) / 2
				if pass(m) {
					hi = m
				} else {
					lo = m
				}
			}
			fmt.Fprintf(out, "%s %s: fails with %d, passes with %d  %v\n", s.ID, driver, lo, hi, memo)
			out.Sync()
		}
	}
}
