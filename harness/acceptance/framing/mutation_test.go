package framing_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// mutants is the number of responses to make, longMutants in the long form.
const mutants, mutantsLong = 60, 20000

// particles are inserted into responses.
var particles = []string{
	"\r\n", "\n", "\r", "\x00", " ", "\t", ":", ",", ";", "0", "5", "-", "+", "x", "\xff", "\r\n ", "\r\n\r\n",
	five, coded, line, "HTTP/1.0 200 OK\r\n", "Connection: close\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "0\r\n\r\n", "5\r\nhello\r\n",
}

// mutate makes one to four changes to a response.
func mutate(random *rand.Rand, response string) string {
	for range 1 + random.IntN(4) {
		at := random.IntN(len(response) + 1)
		to := min(len(response), at+1+random.IntN(6))
		switch random.IntN(4) {
		case 0: // left out
			response = response[:at] + response[to:]
		case 1: // once more
			response = response[:to] + response[at:to] + response[to:]
		case 2: // in place of something
			response = response[:at] + particles[random.IntN(len(particles))] + response[to:]
		default: // in between
			response = response[:at] + particles[random.IntN(len(particles))] + response[at:]
		}
	}
	return response
}

// TestMutants requires two things of the patched libcurl with any mutated
// response: its result does not depend on how it arrives, and if it is refused,
// only its own request fails.
func TestMutants(t *testing.T) {
	library := program.Libcurl(t, "--variant", "patched")
	made := compile(t, library)
	random := rand.New(rand.NewPCG(764, 0))
	var rows []row
	for _, part := range table {
		for _, r := range part {
			if len(r.response) < large {
				rows = append(rows, r)
			}
		}
	}
	count := mutants
	if long() {
		count = mutantsLong
	}
	var tried []exchange
	for n := range count {
		r := rows[random.IntN(len(rows))]
		e := exchange{
			mode: "shared", method: r.method, behind: behind, hostile: 1, end: []int{endNone, endClose}[n%2],
			tls: n%8 > 5, socket: n%4 > 1, response: mutate(random, r.response),
		}
		if e.response == "" {
			continue
		}
		for _, split := range []int{splitNone, splitEvery, 1 + random.IntN(len(e.response))} {
			e.split = split
			tried = append(tried, e)
		}
	}
	results := play(t, made, library, tried)
	for i, got := range results {
		first := results[i-i%3]
		require.Equal(t, first.requests, got.requests, "%s %q, by how it arrives", tried[i], tried[i].response)
		if got.requests[0].code == refused.code {
			require.Empty(t, got.requests[0].body, "%s %q", tried[i], tried[i].response)
			requireOwn(t, tried[i], got)
		}
	}
}
