package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// PlainText stands for HTTP over plain TCP instead of a TLS version.
const PlainText = "plain"

// Client is one row of the table.
type Client struct {
	Name       string
	Program    string // in the folder of clients
	HTTP       int    // version, 1 or 2
	OneByOne   bool   // does not send a request before the previous one is answered
	SystemCurl bool   // uses the libcurl of the system
	NewestCurl bool   // with Bench.Newest
}

// Clients are all there are, in the order of the table.
var Clients = []Client{
	{Name: "curlpipe", Program: "curlpipe", HTTP: 1},
	{Name: "curlpipe-h2", Program: "curlpipe", HTTP: 2, SystemCurl: true},
	{Name: "curlpipe-h2-new", Program: "curlpipe", HTTP: 2, NewestCurl: true},
	{Name: "c-loop", Program: "c-loop", HTTP: 1},
	{Name: "c-loop-h2", Program: "c-loop", HTTP: 2, SystemCurl: true},
	{Name: "c-loop-h2-new", Program: "c-loop", HTTP: 2, NewestCurl: true},
	{Name: "go-curl", Program: "go-curl", HTTP: 1},
	{Name: "fasthttp", Program: "fasthttp", HTTP: 1},
	{Name: "net-http-h1", Program: "net-http", HTTP: 1, OneByOne: true},
	{Name: "net-http-h2", Program: "net-http", HTTP: 2},
	{Name: "h2load-h1", Program: "h2load", HTTP: 1},
	{Name: "h2load-h2", Program: "h2load", HTTP: 2},
	{Name: "floor", Program: "floor", HTTP: 1},
}

// FindClients returns the clients of these names, in the order of the table.
func FindClients(names []string) ([]Client, error) {
	wanted := make(map[string]bool)
	for _, name := range names {
		wanted[name] = true
	}
	var found []Client
	var all []string
	for _, client := range Clients {
		all = append(all, client.Name)
		if wanted[client.Name] {
			found = append(found, client)
			delete(wanted, client.Name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("no client %q; there are %s", name, strings.Join(all, ", "))
	}
	return found, nil
}

// systemLibraries are the folders where Debian and other systems keep libcurl.
var systemLibraries = []string{"/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib"}

// environment returns the environment of this process. It names the system's
// libcurl for the clients that are to use it; the others find theirs without
// it.
func (c *Client) environment() ([]string, error) {
	var kept []string
	for _, each := range os.Environ() {
		if !strings.HasPrefix(each, "LD_LIBRARY_PATH=") && !strings.HasPrefix(each, "LD_PRELOAD=") {
			kept = append(kept, each)
		}
	}
	if !c.SystemCurl {
		return kept, nil
	}
	for _, pattern := range systemLibraries {
		found, err := filepath.Glob(filepath.Join(pattern, "libcurl.so.4"))
		if err == nil && len(found) > 0 {
			return append(kept, "LD_LIBRARY_PATH="+filepath.Dir(found[0])), nil
		}
	}
	return nil, fmt.Errorf("no libcurl.so.4 in %s; run scripts/setup --bench", strings.Join(systemLibraries, ", "))
}
