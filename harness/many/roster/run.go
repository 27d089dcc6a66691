package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Config says what to run.
type Config struct {
	// Recipes of the clients.
	Recipes []Recipe
	// Places that their commands name.
	Places Places
	// Interposer and Engine are paths of programs, as check.Setup has them.
	Interposer, Engine string
	// Scenario is a shell pattern: only scenarios whose id matches are run. It is
	// empty for all.
	Scenario string
	// Jobs is how many runs are made at a time, 1 or more.
	Jobs int
	// Progress, if not nil, is called for each client that is done, by one
	// goroutine at a time.
	Progress func(Row)
}

// BlockedWrite is the family of the runs in which the client is stuck in an upload.
const BlockedWrite = "blocked write"

// Row is what a client does.
type Row struct {
	// Client and its version.
	Client  string `json:"client"`
	Version string `json:"version"`
	// Results in the order of the scenarios.
	Results []Result `json:"results"`
}

// Fails returns how many of the results are fails.
func (r *Row) Fails() int {
	fails := 0
	for _, result := range r.Results {
		if result.Verdict == judge.Fail {
			fails++
		}
	}
	return fails
}

// Result is the result of one run.
type Result struct {
	Scenario string        `json:"scenario"`
	Family   string        `json:"family"`
	Verdict  judge.Verdict `json:"verdict"`
	// Seen, Expected and Rule are those of the finding that decided.
	Seen     string `json:"seen,omitempty"`
	Expected string `json:"expected,omitempty"`
	Rule     string `json:"rule,omitempty"`
	// Command repeats the run; empty if there was none.
	Command string `json:"command,omitempty"`
}

// limit limits a run, because clients have longer timeouts of their own.
const limit = 30 * time.Second

// plan is a run to be made.
type plan struct {
	scenario *check.Scenario // nil for a blocked write
	id       string
	family   string
	command  string
	http2    bool
}

// plans returns the runs of a client, including those without a command.
func (r *Recipe) plans() []plan {
	list := []plan{
		{id: "blocked-write", family: BlockedWrite, command: r.Upload},
		{id: "http2-blocked-write", family: BlockedWrite, command: r.UploadHTTP2, http2: true},
	}
	scenarios := check.All()
	for i := range scenarios {
		s := &scenarios[i]
		p := plan{scenario: s, id: s.ID, family: s.Family, http2: s.HTTP2, command: r.Get}
		switch {
		case s.HTTP2 && s.Needs == check.Upload:
			p.command = r.UploadHTTP2
		case s.HTTP2:
			p.command = r.GetHTTP2
		case s.Needs == check.Upload:
			p.command = r.Upload
		case s.Needs == check.Head:
			p.command = r.Head
		}
		list = append(list, p)
	}
	return list
}

// Run makes all runs and returns a row for each client that is installed, in the
// order of the recipes, and why the others are not there, by their names.
func Run(ctx context.Context, config Config) (rows []Row, missing map[string]error, err error) {
	chosen, err := scenario.Choose(new(Recipe).plans(), func(p *plan) string { return p.id }, cmp.Or(config.Scenario, "*"))
	if err != nil {
		return nil, nil, err
	}
	if config.Places.folder, err = os.MkdirTemp("", "pipelab-clients-"); err != nil {
		return nil, nil, fmt.Errorf("making a folder for the scripts of clients: %w", err)
	}
	defer os.RemoveAll(config.Places.folder)
	missing = make(map[string]error)
	for _, recipe := range config.Recipes {
		version, err := recipe.version(ctx, &config.Places)
		if errors.Is(err, ErrMissing) {
			missing[recipe.Name] = err
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		row := Row{Client: recipe.Name, Version: version}
		if row.Results, err = config.results(ctx, &recipe, chosen); err != nil {
			return nil, nil, err
		}
		rows = append(rows, row)
		if config.Progress != nil {
			config.Progress(row)
		}
	}
	return rows, missing, nil
}

// results makes the chosen runs that the client's recipe has.
func (config *Config) results(ctx context.Context, recipe *Recipe, chosen []plan) ([]Result, error) {
	script, err := recipe.writeScript(&config.Places)
	if err != nil {
		return nil, err
	}
	plans := recipe.plans()
	results := make([]Result, len(plans))
	var group errgroup.Group
	group.SetLimit(config.Jobs)
	for i, p := range plans {
		results[i] = Result{Scenario: p.id, Family: p.family, Verdict: judge.NotApplicable, Seen: recipe.Except[p.id]}
		if results[i].Seen != "" || p.command == "" || !slices.ContainsFunc(chosen, func(c plan) bool { return c.id == p.id }) {
			continue
		}
		group.Go(func() error {
			result, err := config.one(ctx, recipe, p, config.Places.command(p.command, script))
			if err == nil {
				results[i] = result
			}
			return err
		})
	}
	return results, group.Wait()
}

// one makes a run, and repeats it while it is inconclusive.
func (config *Config) one(ctx context.Context, recipe *Recipe, p plan, command []string) (Result, error) {
	setup := check.Setup{
		Command: command, Scenario: p.scenario, HTTP2: p.http2, Stall: p.scenario == nil, Limit: limit,
		Connections: max(1, recipe.Connections), Requests: 1, Interposer: config.Interposer, Engine: config.Engine,
		Environment: config.Places.environment(), Gateway: recipe.Gateway,
	}
	if recipe.Complaint != "" {
		setup.Complaint = regexp.MustCompile(recipe.Complaint)
	}
	var result Result
	for range outcome.Attempts {
		o, err := check.Examine(ctx, setup)
		if err != nil {
			return Result{}, err
		}
		result = decide(p, check.Findings(o))
		result.Command = outcome.Quote(command)
		if result.Verdict != judge.Inconclusive {
			break
		}
	}
	return result, nil
}

// decide makes a result from the findings. For a blocked write, write-retry
// decides; for a scenario, its own finding; for the control, the worst. The
// number of connections does not count for the first two. If another finding
// shows that the scenario's rule was broken, the rule is still the scenario's.
func decide(p plan, findings []judge.Finding) Result {
	own := p.id
	if p.scenario == nil {
		own = judge.IDWriteRetry
	}
	counted := findings
	for _, f := range findings {
		if f.ID == own {
			counted = []judge.Finding{f}
		}
	}
	result := Result{Scenario: p.id, Family: p.family, Verdict: judge.Sum(counted)}
	for _, f := range findings {
		if p.scenario == nil && f.ID == judge.IDExercised && f.Verdict == judge.Fail && result.Verdict == judge.NotApplicable {
			result.Verdict, result.Seen, result.Expected, result.Rule = judge.Inconclusive, f.Actual, f.Expected, f.Rule
			return result // it never came to a write
		}
	}
	for _, f := range counted {
		if f.Verdict != result.Verdict {
			continue
		}
		result.Seen, result.Expected, result.Rule = f.Actual, f.Expected, f.Rule
		if f.ID == judge.IDExercised && f.Verdict == judge.Fail {
			result.Verdict = judge.Inconclusive // it made too few requests
		}
		if p.scenario != nil && f.ID != own {
			result.Rule = p.scenario.Rule
		}
		break
	}
	return result
}
