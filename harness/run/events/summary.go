package events

import (
	"strings"
)

// Summary summarizes the events about a subject's writes.
type Summary struct {
	// Events is the number of events. 0 means that the interposer saw nothing,
	// because the subject does not use OpenSSL or links it statically.
	Events int64
	// Writes is the number of attempts to write application data.
	Writes int64
	// Waiting is the number of writes over TLS to a blocking socket.
	Waiting int64
	// Blocked is the number of writes over TLS that were blocked, and Followed how
	// many of those another write on the same SSL object followed, which has to
	// repeat them. The client gave the other ones up.
	Blocked, Followed int64
	// InMemory is the number of writes over TLS that reached no socket within the
	// call: the program itself sends what OpenSSL has written.
	InMemory int64
	// WantWrite is the number of writes that answered WANT_WRITE, or would
	// have blocked on a plain socket.
	WantWrite int64
	// WantRead is the number of writes that answered WANT_READ.
	WantRead int64
	// BlockedReads is the number of reads that answered WANT_WRITE.
	BlockedReads int64
	// BadRetries are the writes over TLS that followed a blocked one on the
	// same SSL object with other arguments, in their order.
	BadRetries []BadRetry
	// UnreadCloses is how many sockets the client closed with bytes unread,
	// which makes the kernel send a RST, and UnreadBytes how many bytes.
	UnreadCloses int64
	UnreadBytes  int64
	// Dropped is the number of events that the interposer could not deliver.
	Dropped int64
	// OpenSSL is the version that was in use, as "3.0.19"; empty without one.
	OpenSSL string
}

// Accountant sums up events one by one. The zero value is ready to use. It is
// not safe for concurrent use.
type Accountant struct {
	summary Summary
	pending map[string]Event // by SSL object: the write that must be repeated
}

// See takes the next event.
func (a *Accountant) See(e Event) {
	if e.Call == "dropped" {
		a.summary.Dropped += e.Count
		clear(a.pending) // the repetition may be among the lost events
		return
	}
	if e.Call == "version" {
		a.summary.OpenSSL = versionNumber(e.Version)
		return
	}
	a.summary.Events++
	switch {
	case e.Call == "SSL_free", e.Call == "SSL_clear" && e.Error == "":
		delete(a.pending, e.SSL)
	case e.IsWrite():
		a.write(e)
	case e.Call == "close" && e.Unread > 0:
		a.summary.UnreadCloses++
		a.summary.UnreadBytes += e.Unread
	case e.IsTLSRead() && e.Error == WantWrite:
		a.summary.BlockedReads++
	}
}

func (a *Accountant) write(e Event) {
	a.summary.Writes++
	if e.Blocking {
		a.summary.Waiting++
	}
	if e.IsTLSWrite() {
		if e.FD < 0 {
			a.summary.InMemory++
		}
		if first, waiting := a.pending[e.SSL]; waiting {
			a.summary.Followed++
			if breach(first, e) != "" {
				a.summary.BadRetries = append(a.summary.BadRetries, BadRetry{First: first, Second: e})
			}
		}
		delete(a.pending, e.SSL)
	}
	if !e.Blocked() {
		return
	}
	if e.Error == WantRead {
		a.summary.WantRead++
	} else {
		a.summary.WantWrite++
	}
	if e.IsTLSWrite() {
		a.summary.Blocked++
		if a.pending == nil {
			a.pending = make(map[string]Event)
		}
		a.pending[e.SSL] = e
	}
}

// Summary returns the sums so far.
func (a *Accountant) Summary() Summary {
	return a.summary
}

// versionNumber returns "3.0.19" of "OpenSSL 3.0.19 27 Jan 2026".
func versionNumber(text string) string {
	if words := strings.Fields(text); len(words) > 1 {
		return words[1]
	}
	return text
}
