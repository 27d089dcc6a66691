package matrix

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// setup returns a run whose files all exist.
func setup(t *testing.T) *lab.Setup {
	t.Helper()
	folder := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(name), 0o644))
		return path
	}
	file("prefix/lib/libcurl.so.4")
	found, err := scenario.Match("reported")
	require.NoError(t, err)
	return &lab.Setup{
		Scenario: &found[0], Driver: "perform", TLS: "1.2",
		Subject:    &subject.Subject{Name: "c-demo", Path: file("c-demo")},
		Interposer: file("interposer"), Engine: file("engine"),
		Library: &library.Library{
			Prefix: filepath.Join(folder, "prefix"), Manifest: &library.Manifest{Variant: "stock", Version: "7.53.1"},
		},
	}
}

func key(t *testing.T, s *lab.Setup) string {
	t.Helper()
	k, err := (&Store{}).Key(s) // a store remembers hashes, so a new one is needed
	require.NoError(t, err)
	return k
}

func TestWhatGoesIntoARunIsInItsKey(t *testing.T) {
	s := setup(t)
	keys := map[string]string{key(t, s): "as it is"}
	require.Equal(t, key(t, s), key(t, s))
	for name, change := range map[string]func(){
		"driver":     func() { s.Driver = "socket" },
		"TLS":        func() { s.TLS = "1.3" },
		"scenario":   func() { s.Scenario.Client.Requests++ },
		"answers":    func() { s.Scenario.Origin.Answers = map[int]scenario.Answer{3: {Hold: scenario.HoldRest}} },
		"variant":    func() { s.Library.Manifest.Variant = "patched" },
		"OpenSSL":    func() { s.Library.OpenSSL = &library.OpenSSLBuild{Version: "3.5.9"} },
		"subject":    func() { require.NoError(t, os.WriteFile(s.Subject.Path, nil, 0o644)) },
		"interposer": func() { require.NoError(t, os.WriteFile(s.Interposer, nil, 0o644)) },
		"engine":     func() { require.NoError(t, os.WriteFile(s.Engine, nil, 0o644)) },
		"libcurl":    func() { require.NoError(t, os.WriteFile(s.Library.LoaderPath()+"/libcurl.so.4", nil, 0o644)) },
	} {
		change()
		k := key(t, s)
		require.NotContains(t, keys, k, "%s changed, and the key is that of: %s", name, keys[k])
		keys[k] = name
	}
}

func TestAKeyNeedsEveryFile(t *testing.T) {
	s := setup(t)
	require.NoError(t, os.Remove(s.Engine))
	_, err := (&Store{}).Key(s)
	require.ErrorContains(t, err, "hashing what a run is made of: open "+s.Engine)
}

func TestStoreKeepsAndForgets(t *testing.T) {
	s := &Store{Folder: filepath.Join(t.TempDir(), "cache", "matrix")}
	require.Nil(t, s.Load("k"))
	require.NoError(t, s.Forget([]string{"k"}))

	r := made("trixie", "7.53.1 stock", "1.2", judge.Fail, judge.Fail)
	require.NoError(t, s.Keep("k", &r))
	require.Equal(t, &r, s.Load("k"))
	yesterday := time.Now().AddDate(0, 0, -1).Truncate(time.Second)
	require.NoError(t, os.Chtimes(filepath.Join(s.Folder, "k.json"), yesterday, yesterday))
	require.NoError(t, s.Keep("l", &r))
	first, last := (&Work{Store: s, keys: []string{"l", "k", "other"}}).Span()
	require.Equal(t, yesterday, first)
	require.WithinDuration(t, time.Now(), last, time.Hour)
	require.Nil(t, s.Load("other"))

	require.NoError(t, os.WriteFile(filepath.Join(s.Folder, "cut.json"), []byte(`{"scenario": "rep`), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(s.Folder, "empty.json"), []byte(`{}`), 0o644))
	require.Nil(t, s.Load("cut"))
	require.Nil(t, s.Load("empty"))

	require.NoError(t, s.Forget([]string{"k", "other"}))
	require.Nil(t, s.Load("k"))
}
