// Command curlpipe is this project's library in the table of clients.
package main

import (
	"fmt"
	"os"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/curlpipe"
	"github.com/curlpipe/curlpipe/harness/clients/roster/program"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(curl.Version())
		return
	}
	program.Main(func(a program.Arguments) (func(method, url string, body []byte) ([]byte, error), error) {
		return program.OverRoundTripper(&curlpipe.Transport{CAFile: a.CA}), nil
	})
}
