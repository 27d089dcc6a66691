package curlpipe

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPipelinedGetsEachGetTheirOwnResponse(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		for _, count := range []int{1, 50, 1000} {
			t.Run(fmt.Sprint(count), func(t *testing.T) {
				s := newServer(t, overTLS, echo)
				client := newTestClient(t, s, Options{})
				var group sync.WaitGroup
				for i := range count {
					group.Go(func() {
						path := fmt.Sprintf("/item/%d", i)
						response, err := client.Do(context.Background(), get(t, s.URL+path))
						if !assertNoError(t, err) {
							return
						}
						if text := readAll(t, response); text != "you asked for "+path {
							t.Errorf("%s was answered with %q", path, text)
						}
					})
				}
				group.Wait()
				require.Equal(t, 1, s.connections())
				require.EqualValues(t, count, client.Stats().Answered)
				require.EqualValues(t, 1, client.Stats().ConnectionsOpened)
			})
		}
	})
}

func assertNoError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}
