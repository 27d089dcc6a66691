package curlpipe

import (
	"net/textproto"
	"strings"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"
)

// Names have the form of net/textproto, and anything else is not a name.
func TestFieldName(t *testing.T) {
	const octets = "aZz-AmM09!~"
	check := func(indices []byte, odd byte, at uint) bool {
		var name []byte
		for _, index := range indices {
			name = append(name, octets[int(index)%len(octets)])
		}
		canonical, ok := fieldName(string(name))
		if ok != (len(name) > 0) || ok && canonical != textproto.CanonicalMIMEHeaderKey(string(name)) {
			return false
		}
		if len(name) == 0 || isToken(string(odd)) {
			return true
		}
		name[at%uint(len(name))] = odd
		_, ok = fieldName(string(name))
		return !ok
	}
	require.NoError(t, quick.Check(check, nil))
	for lower, known := range knownFields {
		require.Equal(t, textproto.CanonicalMIMEHeaderKey(lower), known)
		require.Equal(t, lower, strings.ToLower(known))
	}
}
