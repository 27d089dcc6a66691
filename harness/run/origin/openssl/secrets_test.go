package openssl

import (
	"bytes"
	"crypto/x509/pkix"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// linesOf returns the lines of a key log in alphabetical order.
func linesOf(log *bytes.Buffer) []string {
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	sort.Strings(lines)
	return lines
}

// Both ends of TLS have the same secrets: the engine must log what crypto/tls
// logs, after a renegotiation, too.
func TestKeyLogHasTheSecretsOfTheClient(t *testing.T) {
	certificate := newCertificate(t, pkix.Name{CommonName: "localhost"})
	for version := range versions {
		t.Run("TLS "+version, func(t *testing.T) {
			var servers, clients bytes.Buffer
			s := newServerFrom(t, Config{Path: sanitized, TLS: version, Certificate: certificate, KeyLog: &servers})
			trust := s.trust()
			trust.KeyLogWriter = &clients
			stream, client := s.connect(trust)
			if version == "1.2" {
				require.NoError(t, stream.Renegotiate())
				read := readAll(client, 700)
				_, err := stream.Write(counted(0, 700))
				require.NoError(t, err)
				require.NoError(t, <-read)
				require.Len(t, linesOf(&servers), 2)
			}
			say(t, client, stream, "hello")
			require.Subset(t, linesOf(&servers), linesOf(&clients))
		})
	}
}
