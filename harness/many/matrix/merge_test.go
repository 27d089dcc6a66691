package matrix

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// shards divides a matrix of n runs, which are numbered by their seed.
func shards(runs, of int) (names []string, list []*Document) {
	for index := 1; index <= of; index++ {
		d := sample()
		d.Shard, d.Date = shard.Shard{Index: index, Of: of}, fmt.Sprintf("2026-11-%02d", index)
		var own []outcome.Run
		for place := range runs {
			if d.Shard.Has(place) {
				r := made("trixie", "7.53.1 stock", "1.2", judge.Fail, judge.Fail)
				r.Seed = uint64(place)
				own = append(own, r)
			}
		}
		d.Document = *report.NewDocument(own)
		names, list = append(names, fmt.Sprintf("%d.json", index)), append(list, d)
	}
	return names, list
}

func TestMergePutsTheRunsInOrder(t *testing.T) {
	for runs := range 12 {
		for of := 1; of <= 5; of++ {
			names, list := shards(runs, of)
			for i := range list { // in any order
				j := (i * 2) % len(list)
				names[i], names[j], list[i], list[j] = names[j], names[i], list[j], list[i]
			}
			merged, err := Merge(names, list)
			require.NoError(t, err)
			require.Equal(t, shard.Whole, merged.Shard)
			require.Equal(t, Schema, merged.Schema)
			require.Equal(t, fmt.Sprintf("2026-11-%02d", of), merged.Date, "that of the last run")
			require.Equal(t, sample().Axes, merged.Axes)
			require.Len(t, merged.Runs, runs)
			for place, r := range merged.Runs {
				require.EqualValues(t, place, r.Seed)
			}
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	for problem, spoil := range map[string]func([]string, []*Document) ([]string, []*Document){
		"there is nothing to merge": func([]string, []*Document) ([]string, []*Document) { return nil, nil },
		"shard 3/3 is missing":      func(n []string, d []*Document) ([]string, []*Document) { return n[:2], d[:2] },
		"1.json and 3.json are both shard 1/3": func(n []string, d []*Document) ([]string, []*Document) {
			d[2].Shard.Index = 1
			return n, d
		},
		"1.json and 2.json are not of one matrix": func(n []string, d []*Document) ([]string, []*Document) {
			d[1].Axes.TLS = []string{"1.3"}
			return n, d
		},
		"they are not of one whole": func(n []string, d []*Document) ([]string, []*Document) {
			d[2].Shard.Of = 4
			return n, d
		},
		"they have more runs than fit together": func(n []string, d []*Document) ([]string, []*Document) {
			d[1].Runs = append(d[1].Runs, d[1].Runs...)
			return n, d
		},
	} {
		t.Run(problem, func(t *testing.T) {
			_, err := Merge(spoil(shards(7, 3)))
			require.ErrorContains(t, err, problem)
		})
	}
}
