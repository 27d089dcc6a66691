package openssl

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509/pkix"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEngineSaysWhichOpenSSLItIs(t *testing.T) {
	s := newServer(t, "1.3")
	require.True(t, strings.HasPrefix(s.engine.Version(), "OpenSSL "), s.engine.Version())
}

func TestWhatNoEngineStartsWith(t *testing.T) {
	good := newCertificate(t, pkix.Name{CommonName: "localhost"})
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"no program":     {Config{Path: "/no/such/tls-engine", TLS: "1.2", Certificate: good}, "run scripts/build-subjects"},
		"no version":     {Config{Path: program, Certificate: good}, "usage: tls-engine 1.2|1.3"},
		"other version":  {Config{Path: program, TLS: "1.1", Certificate: good}, "usage: tls-engine 1.2|1.3"},
		"no certificate": {Config{Path: program, TLS: "1.2"}, "no certificate"},
		"no subject":     {Config{Path: program, TLS: "1.2", Certificate: newCertificate(t, pkix.Name{})}, "no subject"},
		"no key": {Config{Path: program, TLS: "1.2",
			Certificate: tls.Certificate{Certificate: good.Certificate}}, "its key"},
		"a key of another": {Config{Path: program, TLS: "1.2",
			Certificate: tls.Certificate{Certificate: good.Certificate, PrivateKey: another}}, "using the key failed: key values mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(c.config)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestSendsTheWholeChain(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		another := newCertificate(t, pkix.Name{CommonName: "another"})
		chain := tls.Certificate{
			Certificate: [][]byte{s.certificate.Certificate[0], another.Certificate[0]},
			PrivateKey:  s.certificate.PrivateKey,
		}
		_, client := newServerOf(t, sanitized, s.version, chain).connect(s.trust())
		var got [][]byte
		for _, c := range client.ConnectionState().PeerCertificates {
			got = append(got, c.Raw)
		}
		require.Equal(t, chain.Certificate, got)
	})
}

func TestConnectionsShareAnEngine(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		const n = 40
		var all sync.WaitGroup
		failed := make(chan error, 2*n)
		for i := range n {
			stream, client := s.connect(s.trust())
			out := counted(i, 200<<10)
			all.Add(2)
			go func() {
				defer all.Done()
				_, err := client.Write(out)
				failed <- err
			}()
			go func() {
				defer all.Done()
				got := make([]byte, len(out))
				for n := 0; n < len(got); {
					more, err := stream.Read(got[n:])
					if err != nil {
						failed <- err
						return
					}
					n += more
				}
				failed <- same(got, out)
			}()
		}
		all.Wait()
		for range 2 * n {
			require.NoError(t, <-failed)
		}
	})
}

func TestAnEngineThatDies(t *testing.T) {
	s := newServer(t, "1.2")
	doomed, err := Start(Config{Path: program, TLS: "1.2", Certificate: s.certificate})
	require.NoError(t, err)
	healthy := s.engine
	s.engine = doomed
	stream, client := s.connect(s.trust())
	s.engine = healthy
	require.NoError(t, doomed.command.Process.Kill())
	_, err = client.Write([]byte("hello"))
	require.NoError(t, err)
	_, err = stream.Read(make([]byte, 1))
	require.ErrorContains(t, err, "the TLS engine has ended")
	_, err = stream.Write([]byte("hello"))
	require.ErrorContains(t, err, "the TLS engine has ended")
	require.ErrorContains(t, doomed.Close(), "signal: killed")
	require.ErrorContains(t, doomed.Close(), "signal: killed")
	_, err = doomed.Server(stream.tcp)
	require.Error(t, err)
}

func TestAClosedEngine(t *testing.T) {
	s := newServer(t, "1.2")
	stream, _ := s.connect(s.trust())
	require.NoError(t, s.engine.Close())
	require.NoError(t, s.engine.Close())
	_, err := stream.Write([]byte("x"))
	require.ErrorContains(t, err, "the TLS engine is closed")
	require.NoError(t, stream.Close())
}

func TestProgramRefusesWhatMakesNoSense(t *testing.T) {
	identity, err := encode(newCertificate(t, pkix.Name{CommonName: "localhost"}))
	require.NoError(t, err)
	frame := func(connection uint32, command byte, content []byte) string {
		var out bytes.Buffer
		require.NoError(t, writeCommand(&out, connection, command, content))
		return out.String()
	}
	begin := frame(0, commandIdentity, identity)
	open := begin + frame(7, commandOpen, nil)
	for name, c := range map[string]struct{ input, want string }{
		"half a header":        {"abc", "stdin ended within the header of a command"},
		"half a command":       {begin[:100], "stdin ended within a command"},
		"an endless command":   {"i\x00\x00\x00\x00\xff\xff\xff\xff", "4294967295 bytes"},
		"no identity":          {frame(0, commandOpen, nil), "the first command is not the identity"},
		"an identity of noise": {frame(0, commandIdentity, []byte("noise")), "reading the certificate failed: no start line"},
		"an unknown command":   {open + frame(7, 'x', nil), "there is no command 120"},
		"a second opening":     {open + frame(7, commandOpen, nil), "connection 7 is open already"},
		"nothing open":         {open + frame(8, commandReceived, nil), "connection 8 is not open"},
		"a connection freed": {open + frame(7, commandFree, nil) + frame(7, commandFree, nil),
			"connection 7 is not open"},
		"a connection too many": {begin + frame(1<<31, commandOpen, nil), "there is no connection 2147483648"},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.Command(sanitized, "1.2")
			// LeakSanitizer reports what a program that ends early has not
			// freed.
			command.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0")
			command.Stdin = strings.NewReader(c.input)
			var stderr bytes.Buffer
			command.Stderr = &stderr
			var exit *exec.ExitError
			require.ErrorAs(t, command.Run(), &exit)
			require.Equal(t, 1, exit.ExitCode())
			require.Contains(t, stderr.String(), c.want)
			require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", &stderr)
		})
	}
}

func TestValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("valgrind is not installed: run scripts/setup --tests")
	}
	wrapper := filepath.Join(t.TempDir(), "tls-engine")
	script := "#!/bin/sh\nexec " + valgrind + " --quiet --leak-check=full --error-exitcode=9 " + program + " \"$@\"\n"
	require.NoError(t, os.WriteFile(wrapper, []byte(script), 0o755))
	for version := range versions {
		t.Run("TLS "+version, func(t *testing.T) {
			s := newServerOf(t, wrapper, version, newCertificate(t, pkix.Name{CommonName: "localhost"}))
			stream, client := s.connect(s.trust())
			if version == "1.2" {
				require.NoError(t, stream.Renegotiate())
			} else {
				require.NoError(t, stream.KeyUpdate(true))
				require.NoError(t, stream.SendTicket())
			}
			say(t, stream, client, "hello")
			say(t, client, stream, "hello")
			closed := later(client.CloseWrite)
			require.NoError(t, stream.CloseWrite())
			require.NoError(t, <-closed)
		})
	}
}
