package shard

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	s, err := Parse("2/5")
	require.NoError(t, err)
	require.Equal(t, Shard{2, 5}, s)
	for _, wrong := range []string{"", "2", "0/5", "6/5", "-1/5", "2/0", "2/5/6", "02/5", "a/b", " 2/5"} {
		_, err := Parse(wrong)
		require.ErrorContains(t, err, "is no shard: 2/5 is the second of five", wrong)
	}
}

func TestEachPieceIsInOneShard(t *testing.T) {
	for of := 1; of <= 7; of++ {
		for pieces := range 20 {
			has, ranges := make([]int, pieces), make([]int, pieces)
			for index := 1; index <= of; index++ {
				s := Shard{index, of}
				first, next := s.Range(pieces)
				for place := range pieces {
					if s.Has(place) {
						has[place]++
					}
					if place >= first && place < next {
						ranges[place]++
					}
				}
			}
			for place := range pieces {
				require.Equal(t, 1, has[place])
				require.Equal(t, 1, ranges[place])
			}
		}
	}
}

func TestOrder(t *testing.T) {
	order, err := Order([]string{"a", "b", "c"}, []Shard{{2, 3}, {3, 3}, {1, 3}})
	require.NoError(t, err)
	require.Equal(t, []int{2, 0, 1}, order)
	for says, shards := range map[string][]Shard{
		"there is nothing to merge":                                    {},
		"shard 2/3 is missing":                                         {{1, 3}, {3, 3}},
		"a and c are both shard 1/3":                                   {{1, 3}, {2, 3}, {1, 3}},
		"a is shard 1/2 and b is shard 2/3: they are not of one whole": {{1, 2}, {2, 3}},
	} {
		_, err := Order([]string{"a", "b", "c"}, shards)
		require.EqualError(t, err, says)
	}
}
