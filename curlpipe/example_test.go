package curlpipe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/curlpipe/curlpipe/curlpipe"
)

// A Transport takes the place of net/http's.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(writer, "hello, %s", request.URL.Query().Get("name"))
	}))
	defer server.Close()

	transport := &curlpipe.Transport{}
	defer transport.Close()
	client := &http.Client{Transport: transport}

	response, err := client.Get(server.URL + "?name=world")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(text), err)
	// Output: 200 OK hello, world <nil>
}

// Any number of goroutines share the connection, and Stats shows that it stayed
// up.
func ExampleTransport_Stats() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprint(writer, request.URL.Path)
	}))
	defer server.Close()

	transport := &curlpipe.Transport{MaxPipelineDepth: 200}
	defer transport.Close()
	client := &http.Client{Transport: transport}

	var group sync.WaitGroup
	for i := range 1000 {
		group.Go(func() {
			response, err := client.Get(fmt.Sprintf("%s/%d", server.URL, i))
			if err != nil {
				fmt.Println(err)
				return
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		})
	}
	group.Wait()
	stats := transport.Stats()
	fmt.Println(stats.Answered, "answered over", stats.ConnectionsOpened, "connection,", stats.Retries, "sent again")
	// Output: 1000 answered over 1 connection, 0 sent again
}

// A client certificate, a private certificate authority, and a server whose
// certificate has another name than the URL.
func ExampleTransport_tls() {
	transport := &curlpipe.Transport{
		CAFile:         "/etc/fleet/ca.pem",
		ClientCertFile: "/etc/fleet/client.pem",
		ServerName:     "collector.internal",
		StallTimeout:   30 * time.Second,
	}
	defer transport.Close()

	_, err := (&http.Client{Transport: transport}).Get("https://192.0.2.1/")
	fmt.Println(errors.Is(err, fs.ErrNotExist)) // there is no such file here
	// Output: true
}

// Many requests at once go over one connection, and reach the server in order.
func ExampleClient_DoBatch() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprint(writer, "this is ", request.URL.Path)
	}))
	defer server.Close()

	client, err := curlpipe.New(&curlpipe.Transport{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	var requests []*http.Request
	for _, path := range []string{"/one", "/two", "/three"} {
		request, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		requests = append(requests, request)
	}
	for _, result := range client.DoBatch(context.Background(), requests) {
		if result.Err != nil {
			fmt.Println(result.Err)
			continue
		}
		text, _ := io.ReadAll(result.Response.Body)
		fmt.Println(string(text))
	}
	fmt.Println(client.Stats().ConnectionsOpened, "connection")
	// Output:
	// this is /one
	// this is /two
	// this is /three
	// 1 connection
}

// When a context ends, the call returns; the connection stays up.
func ExampleClient_Do_timeout() {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	defer server.Close()
	defer close(ended)

	client, err := curlpipe.New(&curlpipe.Transport{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	request, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = client.Do(ctx, request)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}
