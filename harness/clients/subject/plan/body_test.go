package plan

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPadding(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "r", 3: "r7.", 4: "r7.r", 9: "r7.r7.r7."} {
		require.Equal(t, want, Padding("r7", n))
	}
	require.Len(t, Padding("r0001", 65537), 65537)
}

func TestBody(t *testing.T) {
	for n, want := range map[int]string{0: "", 2: "r7", 3: "r7\n", 4: "r7\nr", 10: "r7\nr7.r7.r"} {
		require.Equal(t, want, string(Body("r7", n)))
	}
	require.Len(t, Body("r0001", 16<<20), 16<<20)
}

// The first three values are published by the authors of FNV-1a.
func TestHash(t *testing.T) {
	require.Equal(t, "cbf29ce484222325", Hash(nil))
	require.Equal(t, "af63dc4c8601ec8c", Hash([]byte("a")))
	require.Equal(t, "85944171f73967e8", Hash([]byte("foobar")))
	require.Equal(t, "08dc8407b57be91f", Hash([]byte("r0")), "a leading zero stays")
}

func TestFields(t *testing.T) {
	padded := Request{ID: "r7", HeaderBytes: 4}
	require.Equal(t, []string{"X-Request-Id: r7", "X-Padding: r7.r"}, padded.Fields())
	bare := Request{ID: "r7"}
	require.Equal(t, []string{"X-Request-Id: r7"}, bare.Fields())
}
