package scenario

import (
	"fmt"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Defect is something that the stock libcurl of some releases does wrong, so that
// it fails in a scenario. Those of one scenario stand in its row of the table, and
// those that several share at the end of this file.
type Defect struct {
	// What it does wrong, in a few words. Never empty.
	What string
	// Driver with which it shows; empty means either.
	Driver string
	// Releases that have it.
	Releases Releases
	// Sometimes is true if it shows in some runs only, because it depends on the
	// kernel's scheduling.
	Sometimes bool
	// Crashes is true if libcurl may take the subject down with it.
	Crashes bool
	// Spares has, by subject, why it does not show with this one.
	Spares map[string]string
}

// always returns a defect of every release, with either driver.
func always(what string) []Defect {
	return []Defect{{What: what}}
}

const toldOfAClosedSocket = "the application is told to watch a closed socket"

// orCrashes is a defect with the socket driver. Releases before 7.48.0 crash
// instead, or fail before they do.
func orCrashes(d Defect) []Defect {
	const survives = "7.48.0"
	d.Driver, d.Releases.From = plan.DriverSocket, survives
	crash := Defect{What: "libcurl crashes", Driver: plan.DriverSocket, Releases: Releases{Before: survives}, Crashes: true}
	return []Defect{crash, d}
}

// StockDefect returns what the stock libcurl of a release does wrong with this
// subject and driver; nil if it passes.
func (s *Scenario) StockDefect(subject, driver, release string) *Defect {
	for i := range s.Expect.Stock {
		d := &s.Expect.Stock[i]
		if (d.Driver == "" || d.Driver == driver) && d.Releases.Has(release) && d.Spares[subject] == "" {
			return d
		}
	}
	return nil
}

func (d *Defect) check() error {
	switch {
	case d.What == "":
		return fmt.Errorf("stock fails for no reason")
	case d.Driver != "" && d.Driver != plan.DriverPerform && d.Driver != plan.DriverSocket:
		return fmt.Errorf("there is no driver %q", d.Driver)
	case !d.Releases.valid():
		return fmt.Errorf("stock fails from %q to before %q: that is no range", d.Releases.From, d.Releases.Before)
	}
	for subject, reason := range d.Spares {
		if reason == "" {
			return fmt.Errorf("stock passes with subject %s for no reason", subject)
		}
	}
	return nil
}

// meets reports whether both defects apply to one driver of one release. Their
// order would then decide which of them counts.
func (d *Defect) meets(other *Defect) bool {
	return (d.Driver == "" || other.Driver == "" || d.Driver == other.Driver) && d.Releases.meet(other.Releases)
}

// What comes of wakesOne where the handles have no connection to join.
var (
	nothingPipelined = Defect{
		What:     "handles that wait for a connection are woken one at a time, so nothing is pipelined",
		Releases: wakesOne,
	}
	littlePipelined = Defect{What: nothingPipelined.What, Releases: wakesOne, Sometimes: true}
)

// What the stock libcurl does wrong when a connection ends with requests in its
// pipe.
var (
	pipeNotWoken = Defect{
		What:   "the requests of a broken pipe are not woken",
		Driver: plan.DriverSocket,
		Spares: map[string]string{"curlpipe": "it makes libcurl run every transfer when a connection is lost"},
	}
	pipeKept = Defect{
		What:     "a connection that has to be closed stays open while others use it",
		Driver:   plan.DriverPerform,
		Releases: Releases{From: "7.59.0"},
	}
)

// closingStock are the defects when several connections end one after the other.
// From the release on that wakes one handle at a time, chance decides whether
// the later ones are pipelined.
var closingStock = []Defect{
	{What: pipeNotWoken.What, Driver: plan.DriverSocket, Spares: pipeNotWoken.Spares, Releases: Releases{Before: wakesOne.From}},
	littlePipelined,
}

// breakingStock is what stock does wrong when it refuses a response, too.
var breakingStock = []Defect{{What: pipeNotWoken.What, Driver: plan.DriverSocket, Sometimes: true}, pipeKept}
