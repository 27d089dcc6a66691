package scenario

import (
	"cmp"

	"golang.org/x/mod/semver"
)

// Releases is a range of releases of libcurl, as "7.60.0". The zero value is all
// of them.
type Releases struct {
	// From is the first of them; empty for the oldest.
	From string
	// Before is the one behind the last; empty for none.
	Before string
}

// Has reports whether the release is in the range; one that is no number is in
// the range that has all.
func (r Releases) Has(release string) bool {
	return (r.From == "" || semver.Compare("v"+release, "v"+r.From) >= 0) &&
		(r.Before == "" || semver.Compare("v"+release, "v"+r.Before) < 0)
}

func (r Releases) valid() bool {
	return semver.IsValid("v"+cmp.Or(r.From, "0.0.0")) && semver.IsValid("v"+cmp.Or(r.Before, "0.0.0"))
}

// wakesOne are the releases that wake one handle at a time of those that wait
// for a connection, when a transfer ends. Handles that are added at once never
// share a connection there: each is alone when its turn comes.
var wakesOne = Releases{From: "7.60.0"}

// FirstAlone reports whether the first request has to end before the others are
// submitted, so that those are pipelined by that release of libcurl, patched or
// not. What follows is the same with all: none pipelines before it knows that
// the server is able to.
func (s *Scenario) FirstAlone(release string) bool {
	return !s.HTTP2 && !s.Client.AllAtOnce && wakesOne.Has(release)
}
