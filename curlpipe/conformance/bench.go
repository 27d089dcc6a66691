package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bench is where suites are run: copies of their modules, and the files
// generated for them.
type bench struct {
	work, source, goroot string
	libcurl              string // patched or system
	race                 bool   // with the race detector
	overlay              string // file that replaces net/http's transport
	stdOverlay           string // the same, for net/http's own tests
}

// hook is inserted into net/http's Transport: a package that sets it sends the
// requests.
const hook = `	if CurlpipeRoundTrip != nil {
		if response, err, sent := CurlpipeRoundTrip(t, req); sent {
			return response, err
		}
	}
`

const hookDeclared = `
// CurlpipeRoundTrip, if not nil, is asked to send a request; false: it has not.
var CurlpipeRoundTrip func(*Transport, *Request) (*Response, error, bool)

// CurlpipeCloseIdle, if not nil, is told of CloseIdleConnections.
var CurlpipeCloseIdle func(*Transport)

// CurlpipeCancel, if not nil, is told of CancelRequest.
var CurlpipeCancel func(*Transport, *Request)
`

// fill is the package that sets the hook.
const fill = `// Package fill puts curlpipe in the place of http.Transport.
package fill

import (
	"errors"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"sync"
	"weak"

	"github.com/curlpipe/curlpipe/curlpipe"
)

var errFallback = errors.New("net/http sends it")

type fallback struct{}

func (fallback) RoundTrip(*http.Request) (*http.Response, error) { return nil, errFallback }

type made struct {
	transport *curlpipe.Transport
	err       error
}

var (
	mutex sync.Mutex
	all   = map[weak.Pointer[http.Transport]]made{}
)

func of(t *http.Transport) made {
	mutex.Lock()
	defer mutex.Unlock()
	key := weak.Make(t)
	transport, err := curlpipe.FromHTTPTransport(t)
	if m, ok := all[key]; ok {
		follow(m.transport, transport)
		return made{m.transport, err}
	}
	if transport.MaxConnsPerHost == 0 {
		transport.MaxConnsPerHost = 100 // without a limit, as theirs
	}
	transport.Fallback = fallback{}
	m := made{transport, err}
	all[key] = m
	runtime.AddCleanup(t, func(m made) {
		mutex.Lock()
		delete(all, key)
		mutex.Unlock()
		_ = m.transport.Close()
	}, m)
	return m
}

// follow carries over what a test has changed since the first request, of the fields
// that curlpipe reads with each request.
func follow(to, now *curlpipe.Transport) {
	if to.DisableKeepAlives != now.DisableKeepAlives {
		to.DisableKeepAlives = now.DisableKeepAlives
	}
	if to.DisableCompression != now.DisableCompression {
		to.DisableCompression = now.DisableCompression
	}
	if !reflect.DeepEqual(to.TLSClientConfig, now.TLSClientConfig) {
		to.TLSClientConfig = now.TLSClientConfig
	}
}

func init() {
	if os.Getenv("CURLPIPE_TEST_CONFORMANCE") == "" {
		return
	}
	http.CurlpipeRoundTrip = func(t *http.Transport, request *http.Request) (*http.Response, error, bool) {
		m := of(t)
		if m.err != nil {
			return nil, m.err, true
		}
		response, err := m.transport.RoundTrip(request)
		return response, err, err != errFallback
	}
	http.CurlpipeCloseIdle = func(t *http.Transport) { of(t).transport.CloseIdleConnections() }
	http.CurlpipeCancel = func(t *http.Transport, request *http.Request) { of(t).transport.CancelRequest(request) }
}
`

func newBench(b *bench) (*bench, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("asking go env for GOROOT: %w", err)
	}
	b.goroot = strings.TrimSpace(string(goroot))
	module := "module curlpipe.test/fill\n\ngo 1.25\n\nrequire github.com/curlpipe/curlpipe v0.0.0\n\nreplace github.com/curlpipe/curlpipe => " + b.source + "\n"
	if err := b.write(map[string]string{"fill/fill.go": fill, "fill/go.mod": module}); err != nil {
		return nil, err
	}
	return b, b.makeOverlays()
}

// write makes files in the work folder, by their names.
func (b *bench) write(files map[string]string) error {
	for name, content := range files {
		file := filepath.Join(b.work, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// makeOverlays puts the hook into a copy of net/http's Transport.
func (b *bench) makeOverlays() error {
	original := filepath.Join(b.goroot, "src/net/http/transport.go")
	content, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	text := string(content)
	for _, change := range []struct{ before, insert string }{
		{"	if !isHTTP {\n", hook},
		{"	t.nextProtoOnce.Do(t.onceSetNextProtoDefaults)\n	t.idleMu.Lock()\n", "	if CurlpipeCloseIdle != nil {\n		CurlpipeCloseIdle(t)\n	}\n"},
		{"	t.reqMu.Lock()\n	cancel := t.reqCanceler[req]\n", "	if CurlpipeCancel != nil {\n		CurlpipeCancel(t, req)\n	}\n"},
	} {
		if strings.Count(text, change.before) != 1 {
			return fmt.Errorf("%s has changed: %q does not occur exactly once in it", original, change.before)
		}
		text = strings.Replace(text, change.before, change.insert+change.before, 1)
	}
	changed := filepath.Join(b.work, "overlay/transport.go")
	if err := b.write(map[string]string{"overlay/transport.go": text + hookDeclared}); err != nil {
		return err
	}
	replaced := map[string]string{original: changed}
	if b.overlay, err = b.writeOverlay("overlay.json", replaced); err != nil {
		return err
	}
	for _, name := range []string{"export", "proxy"} { // which export to outside tests what these need
		inside := filepath.Join(b.goroot, "src/net/http", name+"_test.go")
		replaced[filepath.Join(b.goroot, "src/net/http/curlpipe_"+name+".go")] = inside
	}
	b.stdOverlay, err = b.writeOverlay("std.json", replaced)
	return err
}

func (b *bench) writeOverlay(name string, replaced map[string]string) (string, error) {
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	return filepath.Join(b.work, "overlay", name), b.write(map[string]string{"overlay/" + name: string(text)})
}

// prepare copies a suite's module, and adds the package that sets the hook to
// each of its test packages. It returns the folder, the packages and the
// overlay.
func (b *bench) prepare(s suite) (string, []string, string, error) {
	folder := filepath.Join(b.work, "suites", strings.ReplaceAll(s.Name, "/", "-"))
	if err := removeAll(folder); err != nil {
		return "", nil, "", err
	}
	if s.Std != "" {
		return folder, []string{"."}, b.stdOverlay, b.copyStd(s, folder)
	}
	if err := b.copyModule(s, folder); err != nil {
		return "", nil, "", err
	}
	return folder, s.Packages, b.overlay, b.fillTests(s, folder)
}

// copyStd copies the external tests of a package of the standard library. A
// module with this name may use internal packages.
func (b *bench) copyStd(s suite, folder string) error {
	from := filepath.Join(b.goroot, "src", s.Std)
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	name := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		clause := packageOf(string(text))
		if !strings.HasSuffix(file, "_test.go") || s.Std == "net/http" && !strings.HasSuffix(clause, "_test") {
			if strings.HasSuffix(file, "_test.go") || s.Std == "net/http" {
				if err := os.Remove(file); err != nil {
					return err
				}
			}
			continue
		}
		name = clause
	}
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module bootstrap/"+filepath.Base(s.Std)+"\n\ngo 1.25\n"), 0o644); err != nil {
		return err
	}
	if err := b.require(folder); err != nil {
		return err
	}
	return writeFill(folder, name)
}

// packageOf returns the name in a file's package clause.
func packageOf(text string) string {
	scanner := bufio.NewScanner(strings.NewReader(text))
	for scanner.Scan() {
		if name, ok := strings.CutPrefix(scanner.Text(), "package "); ok {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// copyModule copies a module from the Go module cache.
func (b *bench) copyModule(s suite, folder string) error {
	out, err := command(b.work, "go", "mod", "download", "-json", s.Module+"@"+s.Version).Output()
	if err != nil {
		return fmt.Errorf("cannot get %s@%s through the Go module proxy: %w", s.Module, s.Version, err)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if err := os.CopyFS(folder, os.DirFS(got.Dir)); err != nil {
		return err
	}
	if err := makeWritable(folder); err != nil {
		return err
	}
	return b.require(folder)
}

// require adds the package that sets the hook to a module's requirements.
func (b *bench) require(folder string) error {
	edit := command(folder, "go", "mod", "edit",
		"-require=curlpipe.test/fill@v0.0.0", "-replace=curlpipe.test/fill="+filepath.Join(b.work, "fill"),
		"-require=github.com/curlpipe/curlpipe@v0.0.0", "-replace=github.com/curlpipe/curlpipe="+b.source)
	edit.Stderr = os.Stderr
	return edit.Run()
}

// fillTests adds a file to the tests of each package.
func (b *bench) fillTests(s suite, folder string) error {
	arguments := append([]string{"list", "-mod=mod", "-e", "-f", "{{.Dir}}\t{{.Name}}\t{{len .TestGoFiles}}\t{{len .XTestGoFiles}}"}, s.Packages...)
	list := command(folder, "go", arguments...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 || fields[2] == "0" && fields[3] == "0" {
			continue
		}
		name := fields[1]
		if fields[2] == "0" {
			name += "_test"
		}
		if err := writeFill(fields[0], name); err != nil {
			return err
		}
	}
	return nil
}

func writeFill(folder, name string) error {
	text := "package " + name + "\n\nimport _ \"curlpipe.test/fill\"\n"
	return os.WriteFile(filepath.Join(folder, "curlpipe_fill_test.go"), []byte(text), 0o644)
}

// command makes a command that runs in a folder, outside of any workspace.
func command(folder, name string, arguments ...string) *exec.Cmd {
	c := exec.Command(name, arguments...)
	c.Dir = folder
	c.Env = append(os.Environ(), "GOWORK=off", "PWD="+folder)
	return c
}

// makeWritable allows changes in the copy of a module, and its removal.
func makeWritable(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if entry.IsDir() {
			mode = 0o755
		} else if info, err := entry.Info(); err == nil && info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}

func removeAll(folder string) error {
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	if err := makeWritable(folder); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}
