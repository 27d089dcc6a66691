package outcome

import (
	"context"
	"fmt"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Make makes one run, and also returns its observation. The error names the run
// that could not be made.
func Make(ctx context.Context, setup *lab.Setup) (Run, *judge.Observation, error) {
	observation, err := lab.Run(ctx, *setup)
	if err != nil {
		return Run{}, nil, fmt.Errorf("%s with %s and libcurl %s: %w",
			setup.Scenario.ID, setup.Subject.Name, setup.Library.Label(), err)
	}
	r := Of(observation, setup.Subject.Name, setup.Driver, setup.Library)
	r.Seed, r.Command = setup.Seed, again(setup)
	return r, observation, nil
}

// again returns the command that repeats a run, for a shell in the checkout.
func again(setup *lab.Setup) string {
	command := fmt.Sprintf("build/pipelab run --scenario %s --subject %s --driver %s --library %s --seed %d",
		setup.Scenario.ID, setup.Subject.Name, setup.Driver, quote(setup.Library.Name), setup.Seed)
	table, err := scenario.Match(setup.Scenario.ID)
	if err == nil && table[0].Client.Requests != setup.Scenario.Client.Requests {
		command += fmt.Sprintf(" --requests %d", setup.Scenario.Client.Requests)
	}
	if setup.TLS != "" {
		command += " --tls " + setup.TLS
	}
	return command
}

// quote quotes a text as one word of a shell.
func quote(text string) string {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=@%+") == "" && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Quote joins words into a command line for a shell.
func Quote(arguments []string) string {
	var list []string
	for _, a := range arguments {
		list = append(list, quote(a))
	}
	return strings.Join(list, " ")
}
