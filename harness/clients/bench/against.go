package bench

import "fmt"

// Tolerance is how much more CPU time a request may cost than before.
const Tolerance = 0.10

// Against returns the two clients that are compared: curlpipe as it is here and
// as it was at a revision, which scripts/bench has built.
func Against(revision string) []Client {
	return []Client{
		{Name: "curlpipe", Program: "curlpipe", HTTP: 1},
		{Name: "curlpipe@" + revision, Program: "curlpipe-against", HTTP: 1},
	}
}

// Change is how the CPU time of a request has changed in one cell.
type Change struct {
	Cell          Cell
	Before, After float64 // µs a request
	Ratio         float64 // median of the rounds' ratios
}

// Slower says whether it went beyond the tolerance.
func (c Change) Slower() bool { return c.Ratio > 1+Tolerance }

// String is one line for people.
func (c Change) String() string {
	verdict := "within the tolerance"
	if c.Slower() {
		verdict = "SLOWER"
	}
	return fmt.Sprintf("%v: %.1f µs a request, before %.1f µs, ratio %.2f: %s", c.Cell, c.After, c.Before, c.Ratio, verdict)
}

// Changes compares the rows of a run with the clients of Against. Each round is
// compared with the one beside it, which met the same machine.
func (r *Result) Changes() []Change {
	var changes []Change
	for i := 0; i+1 < len(r.Rows); i++ {
		if r.cells[i] != r.cells[i+1] {
			continue // one of the two broke down, which LeftOut says
		}
		ratios := make([]float64, len(r.rounds[i]))
		for k := range ratios {
			ratios[k] = cpuPerRequest(&r.rounds[i][k]) / cpuPerRequest(&r.rounds[i+1][k])
		}
		changes = append(changes, Change{
			Cell: r.cells[i], After: r.Rows[i].CPUUSPerRequest, Before: r.Rows[i+1].CPUUSPerRequest, Ratio: median(ratios),
		})
	}
	return changes
}
