package stack

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStacksAreNamed(t *testing.T) {
	for name, each := range map[string]struct {
		bytes string
		want  []Stack
		says  string
	}{
		"OpenSSL":    {"\x7fELF..\x00OpenSSL 3.0.13 30 Jan 2024\x00", []Stack{{Name: OpenSSL, Version: "3.0.13"}}, "OpenSSL 3.0.13, linked statically"},
		"with quic":  {"OpenSSL 3.0.17+quic 1 Jul 2025\x00", []Stack{{Name: OpenSSL, Version: "3.0.17"}}, "OpenSSL 3.0.17, linked statically"},
		"1.0.1":      {"OpenSSL 1.0.1m 19 Mar 2015\x00", []Stack{{Name: OpenSSL, Version: "1.0.1m"}}, "OpenSSL 1.0.1m, linked statically"},
		"rustls":     {"src/index/rustls-0.23.12/src/conn.rs", []Stack{{Name: "rustls", Version: "0.23.12"}}, "rustls 0.23.12, linked statically"},
		"BoringSSL":  {"OpenSSL 1.1.1 (compatible; BoringSSL)", []Stack{{Name: "BoringSSL"}}, "BoringSSL, linked statically"},
		"no version": {"../ssl/statem/statem_clnt.c\x00", []Stack{{Name: OpenSSL}}, "OpenSSL, linked statically"},
		"a version later": {"ssl/statem/statem_clnt.c" + strings.Repeat("x", pieceBytes) + "OpenSSL 3.0.13 30 Jan 2024",
			[]Stack{{Name: OpenSSL, Version: "3.0.13"}}, "OpenSSL 3.0.13, linked statically"},
		"a mention": {"needs OpenSSL 1.1.1 or newer", nil, ""},
		"none":      {"", nil, ""},
		"between two pieces": {strings.Repeat("x", pieceBytes-10) + "OpenSSL 3.0.13 30 Jan 2024",
			[]Stack{{Name: OpenSSL, Version: "3.0.13"}}, "OpenSSL 3.0.13, linked statically"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := within(bytes.NewReader([]byte(each.bytes)))
			require.NoError(t, err)
			require.Equal(t, each.want, found)
			if each.says != "" {
				require.Equal(t, each.says, found[0].String())
			}
		})
	}
}

func TestLoadedLibraries(t *testing.T) {
	const maps = "7f0000000000-7f0000001000 r-xp 00000000 08:01 11  /usr/lib/x86_64-linux-gnu/libssl.so.3\n" +
		"7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \n" +
		"7f0000004000-7f0000005000 r-xp 00000000 08:01 12  /usr/lib/x86_64-linux-gnu/libgnutls.so.30.34.3\n" +
		"7f0000004000-7f0000005000 r-xp 00000000 08:01 12  /usr/lib/x86_64-linux-gnu/libgnutls.so.30.34.3\n" +
		"7f0000006000-7f0000007000 r-xp 00000000 08:01 13  /usr/lib/x86_64-linux-gnu/libssl3.so\n"
	found := loaded(maps)
	require.Equal(t, []Stack{
		{Name: "GnuTLS", Library: "libgnutls.so.30.34.3"}, {Name: "NSS", Library: "libssl3.so"},
		{Name: OpenSSL, Library: "libssl.so.3"},
	}, found)
	require.Equal(t, "GnuTLS (libgnutls.so.30.34.3)", found[0].String())
}

func TestAddressesOfTheKernel(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                              "127.0.0.1:8080",
		"00000000000000000000000001000000:01BB":      "[::1]:443",
		"0000000000000000FFFF00000100007F:1F90":      "127.0.0.1:8080",
		"local_address":                              "",
		"0100007F:12345":                             "",
		"0100007:1F90":                               "",
		"zzzzzzzz:1F90":                              "",
		"0100007F0100007F:1F90":                      "",
		"0100007F0100007F0100007F0100007F0100007F:1": "",
	} {
		got, known := parseAddress(text)
		require.Equal(t, want != "", known, text)
		if known {
			require.Equal(t, netip.MustParseAddrPort(want), got)
		}
	}
}

func TestTheOwnerOfASocket(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	local := client.LocalAddr().(*net.TCPAddr).AddrPort()
	pid, err := Owner(local, client.RemoteAddr().(*net.TCPAddr).AddrPort())
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), pid)
	process, err := Look(pid)
	require.NoError(t, err)
	defer process.Close()
	found, err := process.Stacks()
	require.NoError(t, err)
	require.Equal(t, Stack{Name: goTLS, Version: runtime.Version()}, found[0])
	require.Equal(t, "Go's crypto/tls ("+runtime.Version()+")", found[0].String())

	_, err = Owner(local, netip.MustParseAddrPort("127.0.0.1:1"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Look(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}
