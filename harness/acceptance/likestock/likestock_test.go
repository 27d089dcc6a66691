// Package likestock_test compares the patched libcurl with stock where stock does
// the right thing: what a program that does not pipeline over HTTP/1.1 gets from
// the patched library is what it gets from stock.
package likestock_test

import (
	"testing"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// compare runs a test with one C program and both libraries. The test requires
// the same outcome of both. Arguments of scripts/build-libcurl may choose another
// source than the default one.
func compare(t *testing.T, source string, test func(t *testing.T, library, made string), arguments ...string) {
	t.Helper()
	stock := program.Libcurl(t, append([]string{"--variant", "stock", "--features", "full"}, arguments...)...)
	patched := program.Libcurl(t, append([]string{"--variant", "patched", "--features", "full"}, arguments...)...)
	made := program.Compile(t, stock, []string{source})
	t.Run("stock", func(t *testing.T) { test(t, stock, made) })
	t.Run("patched", func(t *testing.T) { test(t, patched, made) })
}
