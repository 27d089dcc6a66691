package events

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// sumOf returns an Accountant's summary of events.
func sumOf(list ...Event) Summary {
	var a Accountant
	for _, e := range list {
		a.See(e)
	}
	return a.Summary()
}

// recording reads a recording of the interposer: c-demo with sixteen requests
// of the scenario "reported", against an origin that stalled on the first three
// connections.
func recording(t *testing.T, file string) []Event {
	t.Helper()
	text, err := os.Open("testdata/" + file)
	require.NoError(t, err)
	defer text.Close()
	var list []Event
	require.NoError(t, Read(text, func(e Event) { list = append(list, e) }))
	return list
}

func TestSummaryOfRecordings(t *testing.T) {
	for file, want := range map[string]Summary{
		"patched-tls12.jsonl": {Events: 50, Writes: 28, WantWrite: 12, Blocked: 12, Followed: 12},
		"patched-tls13.jsonl": {Events: 54, Writes: 30, WantWrite: 14, Blocked: 14, Followed: 14},
		// 4 sends were partial, 10 would have blocked
		"stock-plain.jsonl": {Events: 39, Writes: 30, WantWrite: 14},
	} {
		require.Equal(t, want, sumOf(recording(t, file)...), file)
	}
}

func TestTheVersionIsNoCall(t *testing.T) {
	version := Event{Call: "version", Version: "OpenSSL 1.1.1w  11 Sep 2023"}
	require.Equal(t, Summary{OpenSSL: "1.1.1w"}, sumOf(version))
	version.Version = "homemade"
	require.Equal(t, Summary{OpenSSL: "homemade"}, sumOf(version))
}

func TestStockBreaksTheContract(t *testing.T) {
	sum := sumOf(recording(t, "stock-tls12.jsonl")...)
	require.EqualValues(t, 99, sum.Events)
	require.EqualValues(t, 38, sum.Writes)
	require.EqualValues(t, 5, sum.WantWrite)
	require.Len(t, sum.BadRetries, 5, "each blocked write lost its connection")
	for _, bad := range sum.BadRetries {
		require.Equal(t, WantWrite, bad.First.Error)
		require.Equal(t, bad.First.SSL, bad.Second.SSL)
		require.NotEqual(t, bad.First.Hash, bad.Second.Hash, "another request took the turn")
		require.Equal(t, "SSL", bad.Second.Error, "and OpenSSL refused it")
	}
	require.Equal(t, "other bytes: after SSL_write of 13893 bytes answered WANT_WRITE came 12475 bytes (data can be lost or mixed up)",
		sum.BadRetries[0].String())
}

// If any repetition is removed from the recording, the next request interrupts
// the blocked one.
func TestRecordingWithoutOneRepetition(t *testing.T) {
	list := recording(t, "patched-tls12.jsonl")
	taken := 0
	var before Event
	for i, e := range list {
		another := slices.ContainsFunc(list[i+1:], func(e Event) bool { return e.IsWrite() })
		if e.IsWrite() && before.Blocked() && !e.Blocked() && another {
			sum := sumOf(slices.Concat(list[:i], list[i+1:])...)
			require.Len(t, sum.BadRetries, 1, "without event %d", i)
			taken++
		}
		if e.IsWrite() {
			before = e
		}
	}
	require.Equal(t, 6, taken)
}

// blocked is a write that must be repeated.
var blocked = Event{
	Call: "SSL_write", SSL: "0x1", FD: 4, Buffer: "0xa0", Length: 90, Hash: "aa", Result: -1, Error: WantWrite,
}

// with returns the blocked write with a change.
func with(change func(*Event)) Event {
	e := blocked
	change(&e)
	return e
}

// done is a successful repetition of the blocked write.
func done(e *Event) { e.Result, e.Error = e.Length, "" }

func TestRepeatedWritesAreNoBadRetry(t *testing.T) {
	wantRead := with(func(e *Event) { e.Error = WantRead })
	for name, list := range map[string][]Event{
		"at once":            {blocked, with(done)},
		"after WANT_READ":    {wantRead, with(done)},
		"blocked once more":  {blocked, wantRead, blocked, with(done)},
		"with reads between": {blocked, {Call: "SSL_read", SSL: "0x1", Length: 16384, Result: 700}, with(done)},
		"then another write": {blocked, with(done), with(func(e *Event) { e.Buffer, e.Hash = "0xb0", "bb" })},
		"never, it was freed": {blocked, {Call: "SSL_free", SSL: "0x1", Result: 1}, with(func(e *Event) {
			e.Buffer, e.Hash = "0xb0", "bb"
		})},
		"never, it was cleared": {blocked, {Call: "SSL_clear", SSL: "0x1", Result: 1}, with(func(e *Event) {
			e.Buffer, e.Hash = "0xb0", "bb"
		})},
		"on another object": {blocked, with(func(e *Event) { e.SSL, e.Buffer = "0x2", "0xb0" }), with(done)},
		"through SSL_write_ex": {with(func(e *Event) { e.Call, e.Result = "SSL_write_ex", 0 }),
			with(func(e *Event) { e.Call, e.Result, e.Error = "SSL_write_ex", 1, "" })},
		"after events were lost": {blocked, {Call: "dropped", Count: 3}, with(func(e *Event) { e.Buffer = "0xb0" })},
		"on a plain socket": {{Call: "send", FD: 4, Buffer: "0xa0", Length: 90, Result: -1, Error: WantWrite},
			{Call: "send", FD: 4, Buffer: "0xb0", Length: 10, Result: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, sumOf(list...).BadRetries)
		})
	}
}

// same is the number of equal bytes at the beginning of two writes.
func same(n int64) *int64 { return &n }

func TestBreaches(t *testing.T) {
	for name, each := range map[string]struct {
		second Event
		want   Breach
	}{
		"another buffer":              {with(func(e *Event) { e.Buffer, e.Same = "0xb0", same(90) }), Moved},
		"shorter":                     {with(func(e *Event) { e.Length, e.Hash, e.Same = 89, "a", same(89) }), Shorter},
		"longer":                      {with(func(e *Event) { e.Length, e.Hash, e.Same = 91, "aaa", same(90) }), Longer},
		"longer, moved":               {with(func(e *Event) { e.Buffer, e.Length, e.Hash, e.Same = "0xb0", 91, "aaa", same(90) }), Longer},
		"another content":             {with(func(e *Event) { e.Hash, e.Same = "bb", same(4) }), OtherBytes},
		"longer, and another content": {with(func(e *Event) { e.Length, e.Hash, e.Same = 91, "bb", same(89) }), OtherBytes},
		"unlike far behind":           {with(func(e *Event) { e.Hash, e.Same = "bb", same(90) }), OtherBytes},
		"by an old recording":         {with(func(e *Event) { e.Length, e.Hash = 91, "bb" }), OtherBytes},
		"by SSL_write_ex":             {with(func(e *Event) { e.Call, e.Buffer = "SSL_write_ex", "0xb0" }), Moved},
		"one that gets by":            {with(func(e *Event) { e.Hash, e.Result, e.Error = "bb", 90, "" }), OtherBytes},
	} {
		t.Run(name, func(t *testing.T) {
			for _, first := range []Event{blocked, with(func(e *Event) { e.Error = WantRead })} {
				require.Equal(t, []BadRetry{{First: first, Second: each.second}}, sumOf(first, each.second).BadRetries)
				require.Equal(t, each.want, BadRetry{First: first, Second: each.second}.Breach())
				first.Handshake = true
				require.Equal(t, InHandshake, BadRetry{First: first, Second: each.second}.Breach())
			}
		})
	}
}

// The mode allows another address, and no other difference.
func TestTheModeAllowsAnotherAddress(t *testing.T) {
	moving := with(func(e *Event) { e.Mode = 3 })
	require.Empty(t, sumOf(moving, with(func(e *Event) { e.Buffer, e.Mode = "0xb0", 3 })).BadRetries)
	require.Len(t, sumOf(moving, with(func(e *Event) { e.Buffer, e.Hash, e.Mode = "0xb0", "bb", 3 })).BadRetries, 1)
	require.Len(t, sumOf(moving, with(func(e *Event) { e.Length, e.Mode = 91, 3 })).BadRetries, 1)
	require.Empty(t, sumOf(blocked, with(func(e *Event) { e.Buffer, e.Mode = "0xb0", 3 })).BadRetries, "set meanwhile")
	require.Len(t, sumOf(moving, with(func(e *Event) { e.Buffer, e.Mode = "0xb0", 1 })).BadRetries, 1, "taken back meanwhile")
}

func TestBadRetrySaysWhatCame(t *testing.T) {
	for _, each := range []struct {
		change func(*Event)
		want   string
	}{
		{func(e *Event) { e.Buffer, e.Same = "0xb0", same(90) },
			"same bytes at another address: after SSL_write of 90 bytes answered WANT_WRITE came the same from 0xb0 instead of 0xa0 " +
				"(OpenSSL refuses it without SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)"},
		{func(e *Event) { e.Length, e.Hash, e.Same = 95, "c", same(90) },
			"longer with the same start: after SSL_write of 90 bytes answered WANT_WRITE came 95 bytes " +
				"(SSL_write(3) does not allow it, today's OpenSSL accepts it)"},
		{func(e *Event) { e.Hash, e.Same = "bb", same(4) },
			"other bytes: after SSL_write of 90 bytes answered WANT_WRITE came 90 bytes of which 4 are the same (data can be lost or mixed up)"},
	} {
		require.Equal(t, each.want, BadRetry{First: blocked, Second: with(each.change)}.String())
	}
}

func TestOneBadRetryIsCountedOnce(t *testing.T) {
	refused := with(func(e *Event) { e.Buffer, e.Hash, e.Error = "0xb0", "bb", "SSL" })
	require.Len(t, sumOf(blocked, refused, with(done)).BadRetries, 1, "a refused write leaves nothing to repeat")

	moved := with(func(e *Event) { e.Buffer = "0xb0" })
	require.Len(t, sumOf(blocked, moved, moved).BadRetries, 1, "one that was blocked has to be repeated itself")
	require.Len(t, sumOf(blocked, moved, blocked).BadRetries, 2)
}

func TestTwoObjectsDoNotMix(t *testing.T) {
	other := with(func(e *Event) { e.SSL, e.Buffer = "0x2", "0xb0" })
	freed := Event{Call: "SSL_free", SSL: "0x2"}
	sum := sumOf(blocked, other, freed, with(func(e *Event) { e.Buffer = "0xc0" }))
	require.Len(t, sum.BadRetries, 1, "the other one's end is not the end of this one")
	require.Equal(t, "0x1", sum.BadRetries[0].First.SSL)
}

func TestCounts(t *testing.T) {
	sum := sumOf(
		Event{Call: "connect", FD: 4, Result: -1, Error: WantWrite},
		Event{Call: "SSL_read", SSL: "0x1", Result: -1, Error: WantRead},
		blocked,
		with(func(e *Event) { e.Error = WantRead }),
		with(func(e *Event) { e.Call, e.Result = "SSL_write_ex", 0 }),
		Event{Call: "send", FD: 5, Length: 90, Result: 40},
		Event{Call: "send", FD: 5, Length: 50, Result: -1, Error: WantWrite},
		Event{Call: "send", FD: 5, Length: 50, Result: 50},
		Event{Call: "dropped", Count: 3},
		Event{Call: "dropped", Count: 4},
	)
	require.Equal(t, Summary{Events: 8, Writes: 6, WantWrite: 4, WantRead: 1, Blocked: 3, Followed: 2, Dropped: 7}, sum)
}

func TestReadsThatWaitToWriteAreCounted(t *testing.T) {
	for _, call := range []string{"SSL_read", "SSL_read_ex", "SSL_peek", "SSL_peek_ex"} {
		require.EqualValues(t, 1, sumOf(Event{Call: call, Error: WantWrite}).BlockedReads, call)
		require.Zero(t, sumOf(Event{Call: call, Error: WantRead}).BlockedReads, call)
	}
	require.Zero(t, sumOf(Event{Call: "SSL_write", Error: WantWrite}).BlockedReads)
}

func TestSocketsThatAreClosedWithBytesUnread(t *testing.T) {
	sum := sumOf(Event{Call: "close", Unread: 5}, Event{Call: "close"}, Event{Call: "close", Unread: 2})
	require.EqualValues(t, 2, sum.UnreadCloses)
	require.EqualValues(t, 7, sum.UnreadBytes)
}
