package lab

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
)

func TestTapGetsWhatTheRunShows(t *testing.T) {
	setup := setupFor(t, "good")
	var secrets bytes.Buffer
	var seen []events.Event
	var url, printed string
	packets := &flow.Traffic{Port: 7}
	setup.Tap = Tap{
		KeyLog:    &secrets,
		Listening: func(u string) error { url = u; return nil },
		Event:     func(e events.Event) { seen = append(seen, e) },
		Output:    func(stdout, _ []byte) { printed = string(stdout) },
		Packets:   func() *flow.Traffic { return packets },
	}
	o := observed(t, setup)
	require.Equal(t, o.Plan.URL, url)
	require.Contains(t, secrets.String(), "CLIENT_RANDOM ")
	require.EqualValues(t, o.Events.Events, len(seen))
	require.Contains(t, printed, `"subject":"fake"`)
	require.Same(t, packets, o.Packets)
}

func TestTapThatRefusesKeepsTheRunFromBeingMade(t *testing.T) {
	setup := setupFor(t, "good")
	refusal := errors.New("nowhere to write")
	setup.Tap.Listening = func(string) error { return refusal }
	ended := false
	setup.Tap.Packets = func() *flow.Traffic { ended = true; return nil }
	_, err := Run(context.Background(), setup)
	require.ErrorIs(t, err, refusal)
	require.True(t, ended, "a capture that had begun is ended")
}
