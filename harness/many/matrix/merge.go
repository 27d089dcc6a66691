package matrix

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Merge combines the shards of one matrix. The error names a shard that is
// missing or present twice, or says that the shards are not of one matrix. names
// are the names of the shards in errors, one for each.
func Merge(names []string, shards []*Document) (*Document, error) {
	parts := make([]shard.Shard, len(shards))
	for i, d := range shards {
		parts[i] = d.Shard
	}
	order, err := shard.Order(names, parts)
	if err != nil {
		return nil, err
	}
	first := shards[0]
	for i, d := range shards {
		if !reflect.DeepEqual(d.Axes, first.Axes) {
			return nil, fmt.Errorf("%s and %s are not of one matrix: their axes differ", names[0], names[i])
		}
	}
	merged := &Document{Schema: Schema, Axes: first.Axes, Shard: shard.Whole}
	var runs []outcome.Run
	for place := 0; ; place++ {
		d := shards[order[place%len(order)]]
		turn := place / len(order)
		if turn >= len(d.Runs) {
			break
		}
		runs = append(runs, d.Runs[turn])
	}
	total := 0
	for _, d := range shards {
		total += len(d.Runs)
		merged.Date = max(merged.Date, d.Date)
	}
	if len(runs) != total {
		return nil, errors.New("the shards are not of one matrix: they have more runs than fit together")
	}
	merged.Document = *report.NewDocument(runs)
	return merged, nil
}
