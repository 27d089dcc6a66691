package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

func TestCheck(t *testing.T) {
	good := Config{
		Parameters: Parameters{Clients: 2, Requests: 1, TLS: plan.TLS13, Patience: 1},
		Processes:  2, Limit: time.Second, Shard: shard.Whole,
	}
	require.NoError(t, good.Check())
	for says, spoil := range map[string]func(*Config){
		"at least one client":                     func(c *Config) { c.Clients = 0 },
		"one request of each":                     func(c *Config) { c.Requests = 0 },
		"2 clients cannot be shared among 3 proc": func(c *Config) { c.Processes = 3 },
		"requests before a stall is below 0":      func(c *Config) { c.StallEvery = -1 },
		"limit of a run is at least a second":     func(c *Config) { c.Limit = 0 },
		"patience of a client is at least a seco": func(c *Config) { c.Patience = 0 },
		`unknown version of TLS "1.1"`:            func(c *Config) { c.TLS = "1.1" },
		"2 clients cannot be divided into 3":      func(c *Config) { c.Shard.Of = 3 },
		"there is no shard 3/2":                   func(c *Config) { c.Shard = shard.Shard{Index: 3, Of: 2} },
		"shards meet at a server":                 func(c *Config) { c.Shard.Of, c.Processes = 2, 1 },
		`"https://x" is not the URL of a fleet's`: func(c *Config) { c.Server = "https://x" },
		`"x:80" is not the URL of a fleet's`:      func(c *Config) { c.Server = "x:80" },
		"need 2000000100 open files":              func(c *Config) { c.Clients = 1_000_000_000 },
	} {
		c := good
		spoil(&c)
		require.ErrorContains(t, c.Check(), says)
	}
}
