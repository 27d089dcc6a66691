package curlpipe

import (
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// cpuNanoseconds returns the user and system time that this process has used.
func cpuNanoseconds(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// benchmarkServer answers with twelve bytes. It runs in the same process, so
// cpu-ns/op counts the client and the server.
func benchmarkServer(b *testing.B, overTLS bool) *server {
	return newServer(b, overTLS, func(writer http.ResponseWriter, _ *http.Request) {
		_, _ = writer.Write([]byte("twelve bytes"))
	})
}

// BenchmarkDo keeps a fixed number of callers busy; an operation is one
// request.
func BenchmarkDo(b *testing.B) {
	for _, callers := range []int{1, 16, 100} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := benchmarkServer(b, true)
			client := newTestClient(b, s, &Transport{})
			fetch(b, client, s.URL)
			request := get(b, s.URL)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuNanoseconds(b)
			var group sync.WaitGroup
			for caller := range callers {
				group.Go(func() {
					for range (b.N + caller) / callers {
						response, err := client.Do(b.Context(), request)
						if err != nil {
							b.Error(err)
							return
						}
						response.Body.Close()
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(cpuNanoseconds(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkDoBatch sends batches of a hundred; an operation is one request.
func BenchmarkDoBatch(b *testing.B) {
	s := benchmarkServer(b, true)
	client := newTestClient(b, s, &Transport{})
	fetch(b, client, s.URL)
	requests := make([]*http.Request, 100)
	for i := range requests {
		requests[i] = get(b, s.URL)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuNanoseconds(b)
	for done := 0; done < b.N; done += len(requests) {
		for _, result := range client.DoBatch(b.Context(), requests) {
			if result.Err != nil {
				b.Fatal(result.Err)
			}
			result.Response.Body.Close()
		}
	}
	b.ReportMetric(float64(cpuNanoseconds(b)-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkEncode encodes a request for package cshim.
func BenchmarkEncode(b *testing.B) {
	request := get(b, "https://example.com/some/path?with=query")
	request.Header.Set("Accept", "text/html")
	request.Header.Set("X-Request-Id", "12345")
	c := call{owner: &Transport{}}
	s := &settings{dialer: &dialer{}}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.encode(request, s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse reads a response's header section.
func BenchmarkParse(b *testing.B) {
	c := &call{
		header:  "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 23 Nov 2026 07:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n",
		content: "twelve bytes",
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newResponse(nil, c); err != nil {
			b.Fatal(err)
		}
	}
}
