package scripts_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Warnings that the series adds are named, whatever their line. Warnings that
// stock has too, and configurations that are not available, do not count.
func TestCheckBuilds(t *testing.T) {
	noisy := map[string]string{"lib/version.c": strings.Replace(tinyTree["lib/version.c"],
		"#include \"curl_config.h\"\n", "#include \"curl_config.h\"\nstatic int before;\n", 1)}
	adds := strings.Replace(goodPatch, "+  return", "+  int added;\n+  return", 1)
	adds = strings.Replace(adds, "@@ -5,5 +5,5 @@", "@@ -6,5 +6,6 @@", 1)
	for _, test := range []struct {
		name, patch, stdout string
		code                int
		args                []string
	}{
		{
			"nothing", strings.Replace(goodPatch, "@@ -5,5 +5,5 @@", "@@ -6,5 +6,5 @@", 1),
			"no-tls: nothing more than stock (1 warnings in the 1 files that the series changes)\n", 0, []string{"no-tls"},
		},
		{
			"a warning", adds,
			"no-tls: the series adds\n  lib/version.c: warning: unused variable 'added' [-Wunused-variable]\n", 1, []string{"no-tls"},
		},
		{
			"an error", strings.Replace(adds, "int added;", "int added", 1),
			"no-tls: the series adds\n  lib/version.c: error: expected", 1, []string{"no-tls"},
		},
		{
			"no library", adds, "gnutls: n/a: no headers of gnutls, nettle\n", 3, []string{"gnutls"},
		},
		{
			"no abidiff", adds, "abi: n/a: no abidiff (Debian: abigail-tools)\n", 3, []string{"abi"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.hide("abidiff")
			w.env = append(w.env, "PKG_CONFIG_LIBDIR=/nowhere")
			got := w.run("check-builds", append([]string{"--source", w.tree(noisy), "--patches", w.series("0001.patch", test.patch)}, test.args...)...)
			require.Equal(t, test.code, got.code, got.stderr)
			require.True(t, strings.HasPrefix(got.stdout, test.stdout), got.stdout)
			require.Empty(t, names(t, w.cache+"/tmp"))
		})
	}
	w := newWorld(t)
	requireRefused(t, w.run("check-builds", "beos"), 2, "no build is called beos")
}
