// Package shard divides work among machines, and checks whether the results are
// complete.
//
// It stands below the commands that have --shard, and below pipelab merge.
package shard

import "fmt"

// Shard is one of the parts that work is divided into.
type Shard struct {
	Index int `json:"index"` // from 1
	Of    int `json:"of"`
}

// Whole is the only shard of work that is not divided.
var Whole = Shard{Index: 1, Of: 1}

// Parse reads "2/5".
func Parse(text string) (Shard, error) {
	var s Shard
	if n, err := fmt.Sscanf(text, "%d/%d", &s.Index, &s.Of); n != 2 || err != nil || s.String() != text || !s.Valid() {
		return Whole, fmt.Errorf("%q is no shard: 2/5 is the second of five", text)
	}
	return s, nil
}

// Valid reports whether the shard exists.
func (s Shard) Valid() bool { return s.Index >= 1 && s.Index <= s.Of }

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Has reports whether the piece of work with this index belongs to the shard.
// Neighbouring pieces belong to different shards, so that all shards take about
// equally long.
func (s Shard) Has(place int) bool { return place%s.Of == s.Index-1 }

// Range returns the shard's part of n equal pieces: from first up to, but not
// including, next.
func (s Shard) Range(pieces int) (first, next int) {
	return (s.Index - 1) * pieces / s.Of, s.Index * pieces / s.Of
}

// Order returns the positions of the shards in the list, from the first shard to
// the last. The error names a shard that is missing or present twice, or says
// that the shards do not belong together. names are their names in errors, one
// for each.
func Order(names []string, shards []Shard) ([]int, error) {
	if len(shards) == 0 {
		return nil, fmt.Errorf("there is nothing to merge")
	}
	of := shards[0].Of
	order := make([]int, 0, len(shards))
	at := make(map[Shard]int)
	for i, s := range shards {
		if s.Of != of {
			return nil, fmt.Errorf("%s is shard %s and %s is shard %s: they are not of one whole", names[0], shards[0], names[i], s)
		}
		if other, double := at[s]; double {
			return nil, fmt.Errorf("%s and %s are both shard %s", names[other], names[i], s)
		}
		at[s] = i
	}
	for index := 1; index <= of; index++ {
		i, found := at[Shard{index, of}]
		if !found {
			return nil, fmt.Errorf("shard %s is missing", Shard{index, of})
		}
		order = append(order, i)
	}
	return order, nil
}
