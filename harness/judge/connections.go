package judge

import "fmt"

func oneConnection(o *Observation) (Verdict, string, string) {
	allowed := o.Scenario.AllowedConnections()
	got := len(o.Origin.Connections)
	expected := fmt.Sprintf("1 to %d connections", allowed)
	if allowed == 1 {
		expected = "1 connection"
	}
	return passIf(got >= 1 && got <= allowed), expected, fmt.Sprintf("%d accepted", got)
}

func noReset(o *Observation) (Verdict, string, string) {
	early, resets := 0, 0
	for _, c := range o.Origin.Connections {
		if c.End.Early {
			early++
			if c.End.Reset {
				resets++
			}
		}
	}
	expected := "no connection ended early by the client"
	most := o.Scenario.Expect.MaxEarlyEnds
	if most > 0 {
		expected = fmt.Sprintf("at most %d ended early by the client", most)
	}
	return passIf(early <= most), expected,
		fmt.Sprintf("%d ended early by the client, %d of them by RST", early, resets)
}
