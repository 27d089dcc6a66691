package curlpipe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOneThatHangs requires that a request that times out delays no later
// request, and the request behind it only for a short time.
func TestOneThatHangs(t *testing.T) {
	for _, pipelining := range []Pipelining{Auto, Off} {
		t.Run(pipelining.String(), func(t *testing.T) {
			s, g := newGateServer(t, true)
			t.Cleanup(g.open)
			transport := &Transport{Pipelining: pipelining, MaxAbandonedTime: time.Hour}
			client := newTestClient(t, s, transport)
			fetch(t, client, s.URL)
			ctx, cancel := context.WithCancel(t.Context())
			hung := begin(ctx, t, client, s.URL+"/wait")
			<-g.arrived
			cancel()
			require.ErrorIs(t, (<-hung).err, context.Canceled)
			for range 20 {
				require.Equal(t, "you asked for /fine", fetch(t, client, s.URL+"/fine"))
			}
		})
	}
}

// hangBeforeAnother cancels a request that hangs while another is behind it in
// the pipeline.
func hangBeforeAnother(t *testing.T, transport *Transport) (client *Client, s *server, g *gate, behind <-chan outcome) {
	needsPipelining(t)
	s, g = newGateServer(t, true)
	t.Cleanup(g.open)
	client = newTestClient(t, s, transport)
	fetch(t, client, s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	hung := begin(ctx, t, client, s.URL+"/wait")
	<-g.arrived
	behind = begin(t.Context(), t, client, s.URL+"/behind")
	until(t, func() bool { return client.Stats().InFlight == 2 }, "one is behind it")
	cancel()
	require.ErrorIs(t, (<-hung).err, context.Canceled)
	return client, s, g, behind
}

// Requests behind one that hangs start over on another connection, however long
// MaxAbandonedTime is. New requests go there, too.
func TestOneThatHangsBeforeOthers(t *testing.T) {
	client, s, _, behind := hangBeforeAnother(t, &Transport{MaxAbandonedTime: time.Hour})
	for range 20 {
		require.Equal(t, "you asked for /fine", fetch(t, client, s.URL+"/fine"))
	}
	answered := <-behind
	require.NoError(t, answered.err)
	require.Equal(t, "you asked for /behind", readAll(t, answered.response))
	require.EqualValues(t, 2, client.Stats().ConnectionsOpened)
	require.EqualValues(t, 1, client.Stats().ConnectionsGivenUp)
}

// If nothing may be sent again, the requests behind wait, and new requests use
// another connection.
func TestOneThatHangsBeforeOthersThatAreNotSentAgain(t *testing.T) {
	client, s, g, behind := hangBeforeAnother(t, &Transport{MaxAbandonedTime: time.Hour, MaxRetries: -1})
	for range 20 {
		require.Equal(t, "you asked for /fine", fetch(t, client, s.URL+"/fine"))
	}
	require.EqualValues(t, 2, client.Stats().ConnectionsOpened)
	require.EqualValues(t, 2, client.Stats().InFlight, "it waits")
	g.open()
	require.NoError(t, (<-behind).err)
	require.Equal(t, "you asked for /after", fetch(t, client, s.URL+"/after"))
	until(t, func() bool { return client.Stats().ConnectionsClosed == 1 }, "one is too many again")
}

// MaxAbandonedTime still limits the wait.
func TestOneThatHangsIsGivenUp(t *testing.T) {
	client, _, _, behind := hangBeforeAnother(t, &Transport{MaxAbandonedTime: time.Millisecond})
	answered := <-behind
	require.NoError(t, answered.err)
	require.Equal(t, "you asked for /behind", readAll(t, answered.response))
	require.EqualValues(t, 1, client.Stats().ConnectionsGivenUp)
}

// TestLeakedBody requires that an unread body fails when others wait behind it,
// and that Stats counts it.
func TestLeakedBody(t *testing.T) {
	for _, pipelining := range []Pipelining{Auto, Off} {
		t.Run(pipelining.String(), func(t *testing.T) {
			s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
				if request.URL.Path == "/large" {
					var taken atomic.Int64
					blocks(writer, 1024, &taken)
					return
				}
				echo(writer, request)
			})
			transport := newTestTransport(t, s, &Transport{Pipelining: pipelining, MaxUnreadTime: 100 * time.Millisecond})
			readAll(t, open(t.Context(), t, transport, s.URL))
			leaked := []*http.Response{
				open(t.Context(), t, transport, s.URL+"/large"),
				open(t.Context(), t, transport, s.URL+"/large"), // on the additional connection
			}
			fetchMany(t, transport, s.URL, 20)
			stats := transport.Stats()
			require.Positive(t, stats.BodiesUnread)
			require.Zero(t, stats.Failed)
			var given int
			for _, each := range leaked {
				if _, err := io.Copy(io.Discard, each.Body); errors.Is(err, ErrBodyUnread) {
					given++
				}
			}
			require.EqualValues(t, stats.BodiesUnread, given)
		})
	}
}

// TestStallOfOneHost requires that a stall is noticed although another host is
// busy.
func TestStallOfOneHost(t *testing.T) {
	dead, g := newGateServer(t, false)
	t.Cleanup(g.open)
	busy := newServer(t, false, echo)
	transport := newTestTransport(t, nil, &Transport{StallTimeout: 2 * time.Second, Pipelining: Off})
	fetchMany(t, transport, dead.URL, 1) // connect
	stalled := make(chan error, 1)
	go func() {
		_, err := transport.RoundTrip(get(t, dead.URL+"/wait"))
		stalled <- err
	}()
	for {
		select {
		case err := <-stalled:
			require.ErrorIs(t, err, ErrStalled)
			return
		default:
			fetchMany(t, transport, busy.URL, 5)
		}
	}
}
