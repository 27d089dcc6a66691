package main

import (
	"fmt"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// commandOf is the call that makes a run again, for a shell in the checkout.
func commandOf(setup *lab.Setup) string {
	command := fmt.Sprintf("build/pipelab run --scenario %s --subject %s --driver %s --library %s --seed %d",
		setup.Scenario.ID, setup.Subject.Name, setup.Driver, quoteShell(setup.Library.Name), setup.Seed)
	table, err := scenario.Match(setup.Scenario.ID)
	if err == nil && table[0].Client.Requests != setup.Scenario.Client.Requests {
		command += fmt.Sprintf(" --requests %d", setup.Scenario.Client.Requests)
	}
	if setup.TLS != "" {
		command += " --tls " + setup.TLS
	}
	return command
}

// quoteShell makes one word of a text for a shell.
func quoteShell(text string) string {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=@%+") == "" && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func quoteAll(arguments []string) string {
	var list []string
	for _, a := range arguments {
		list = append(list, quoteShell(a))
	}
	return strings.Join(list, " ")
}
