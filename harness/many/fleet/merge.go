package fleet

import (
	"fmt"

	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// Merge combines the shards of the same runs. The error names a shard that is
// missing or present twice, or says that the shards are of different runs. names
// are the names of the documents in errors, one for each.
func Merge(names []string, documents []*Document) (*Document, error) {
	merged := &Document{}
	for i, d := range documents {
		if len(d.Runs) != len(documents[0].Runs) {
			return nil, fmt.Errorf("%s has %d runs and %s has %d: they are not of one fleet",
				names[0], len(documents[0].Runs), names[i], len(d.Runs))
		}
	}
	for place := range documents[0].Runs {
		results := make([]*Result, len(documents))
		for i, d := range documents {
			results[i] = d.Runs[place]
		}
		r, err := mergeRun(names, results)
		if err != nil {
			return nil, err
		}
		merged.Runs = append(merged.Runs, r)
	}
	return merged, nil
}

// mergeRun combines the shards of one run.
func mergeRun(names []string, results []*Result) (*Result, error) {
	shards := make([]shard.Shard, len(results))
	for i, r := range results {
		shards[i] = r.Shard
	}
	if _, err := shard.Order(names, shards); err != nil {
		return nil, err
	}
	whole := *results[0]
	whole.Shard = shard.Whole
	for i, r := range results[1:] {
		if r.Run != whole.Run || r.Parameters != whole.Parameters {
			return nil, fmt.Errorf("%s and %s are not of one fleet: their runs are others", names[0], names[i+1])
		}
		whole.Fleet.Add(&r.Fleet)
	}
	return whole.complete(), nil
}
