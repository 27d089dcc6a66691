package matrix

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/curlpipe/curlpipe/harness/report"
)

// Merge puts the shards of one matrix together. The error says which is there
// twice or missing, or that they are not of one matrix. names are what the
// shards are called in it, one for each.
func Merge(names []string, shards []*Document) (*Document, error) {
	if len(shards) == 0 {
		return nil, errors.New("there is nothing to merge")
	}
	first := shards[0]
	of := first.Shard.Of
	at := make(map[int]int) // by index of the shard, where it is in the list
	for i, d := range shards {
		if d.Shard.Of != of || !reflect.DeepEqual(d.Axes, first.Axes) {
			return nil, fmt.Errorf("%s and %s are not of one matrix: their axes differ, or the number of shards",
				names[0], names[i])
		}
		if other, double := at[d.Shard.Index]; double {
			return nil, fmt.Errorf("%s and %s are both shard %s", names[other], names[i], d.Shard)
		}
		at[d.Shard.Index] = i
	}
	for index := 1; index <= of; index++ {
		if _, found := at[index]; !found {
			return nil, fmt.Errorf("shard %s is missing", Shard{index, of})
		}
	}
	merged := &Document{Form: Form, Axes: first.Axes, Shard: Whole}
	var runs []report.Run
	for place := 0; ; place++ {
		d := shards[at[place%of+1]]
		if place/of >= len(d.Runs) {
			break
		}
		runs = append(runs, d.Runs[place/of])
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
