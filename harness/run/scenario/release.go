package scenario

import (
	"cmp"

	"golang.org/x/mod/semver"
)

// Releases is a range of releases of libcurl, as "7.60.0". The zero value is all
// of them.
type Releases struct {
	// From is the first release; empty for the oldest.
	From string
	// Before is the release after the last; empty for no end.
	Before string
}

// Has reports whether the release is in the range. A release that is not a
// number is only in the range of all releases.
func (r Releases) Has(release string) bool {
	if r == (Releases{}) {
		return true
	}
	return semver.IsValid("v"+release) && (r.From == "" || semver.Compare("v"+release, "v"+r.From) >= 0) &&
		(r.Before == "" || semver.Compare("v"+release, "v"+r.Before) < 0)
}

// valid reports whether the range contains a release.
func (r Releases) valid() bool {
	from, before := "v"+cmp.Or(r.From, "0.0.0"), "v"+cmp.Or(r.Before, "9999.0.0")
	return semver.IsValid(from) && semver.IsValid(before) && semver.Compare(from, before) < 0
}

// meet reports whether a release is in both ranges.
func (r Releases) meet(other Releases) bool {
	ends := func(a, b Releases) bool {
		return a.Before != "" && semver.Compare("v"+a.Before, "v"+cmp.Or(b.From, "0.0.0")) <= 0
	}
	return !ends(r, other) && !ends(other, r)
}

// wakesOne are the releases that wake only one of the handles that wait for a
// connection when a transfer ends. With them, handles that are added together
// never share a connection, because each is alone when its turn comes.
var wakesOne = Releases{From: "7.60.0"}

// FirstAlone reports whether the first request has to end before the others are
// submitted, because this release of libcurl, patched or not, would not
// pipeline them otherwise. Afterwards all releases behave alike: none pipelines
// before it knows that the server supports it.
func (s *Scenario) FirstAlone(release string) bool {
	return !s.HTTP2 && !s.Client.AllAtOnce && wakesOne.Has(release)
}
