package curlpipe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/curlpipe/curlpipe/curlpipe"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(writer, "hello, %s", request.URL.Query().Get("name"))
	}))
	defer server.Close()

	client, err := curlpipe.New(&curlpipe.Transport{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	request, err := http.NewRequest(http.MethodGet, server.URL+"?name=world", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := client.Do(context.Background(), request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(text), err)
	// Output: 200 OK hello, world <nil>
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

// A context that ends lets the caller go; the connection stays.
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
