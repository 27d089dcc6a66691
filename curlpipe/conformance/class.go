package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// insides are the tests of the standard library's that nothing but http.Transport
// itself can pass, each with why. The rule: what a test function uses, by itself
// or through other functions of the test files, is
//
//   - something that export_test.go declares with the insides of Transport in it:
//     its pool of idle connections, a persistConn, one of its hooks for tests, or
//     the error that it does not export and tests compare with;
//   - package testing/synctest, in whose bubbles time stands still while a
//     goroutine is in libcurl.
//
// What the helpers use that every test goes through does not count.
func insides(folder, exports string, files []string) (map[string]string, error) {
	set := token.NewFileSet()
	parsed := make(map[string]*ast.File)
	names, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed[filepath.Base(name)] = file
	}
	reasons, err := exportedInsides(set, exports)
	if err != nil {
		return nil, err
	}
	uses := make(map[string][]string) // of each function
	for _, file := range parsed {
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || function.Recv != nil || general[function.Name.Name] {
				continue
			}
			uses[function.Name.Name] = identifiers(function)
		}
	}
	found := make(map[string]string)
	for _, name := range files {
		file := parsed[name]
		if file == nil {
			return nil, fmt.Errorf("there is no %s in %s", name, folder)
		}
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(function.Name.Name, "Test") {
				continue
			}
			if why := reach(function.Name.Name, uses, reasons, make(map[string]bool)); why != "" {
				found[function.Name.Name] = why
			}
		}
	}
	return found, nil
}

// general are the helpers that all tests use. What they use does not count.
var general = map[string]bool{
	"run": true, "newClientServerTest": true, "afterTest": true, "setParallel": true, "TestMain": true, "NewTestServer": true,
}

// transportsInsides are what Transport keeps for itself.
var transportsInsides = regexp.MustCompile(`persistConn|idleConn|closeIdle|reqCanceler|idleMu|testHook(EnterRoundTrip|RoundTripRetried|ReadLoop|P)|h2transport\.|queueForIdle|maxWriteWait|ErrServerClosedIdle|http2goAwayTimeout|errRequestCanceled`)

// exportedInsides finds the declarations in export_test.go that expose them.
func exportedInsides(set *token.FileSet, name string) (map[string]string, error) {
	reasons := map[string]string{
		"synctest": "runs in a bubble of testing/synctest, where time stands still while a goroutine is in libcurl",
	}
	content, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return reasons, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(set, name, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	text := func(node ast.Node) string {
		return string(content[set.Position(node.Pos()).Offset:set.Position(node.End()).Offset])
	}
	add := func(name string, node ast.Node) {
		if ast.IsExported(name) && transportsInsides.MatchString(text(node)) {
			reasons[name] = "reaches into http.Transport with " + name
		}
	}
	for _, declared := range file.Decls {
		switch declared := declared.(type) {
		case *ast.FuncDecl:
			add(declared.Name.Name, declared)
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok {
					add(value.Names[0].Name, value)
				}
			}
		}
	}
	return reasons, nil
}

// identifiers returns the names that a function uses.
func identifiers(function *ast.FuncDecl) []string {
	var names []string
	ast.Inspect(function, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok {
			names = append(names, name.Name)
		}
		return true
	})
	return names
}

// reach returns why a function uses Transport's internals; empty if it does
// not.
func reach(function string, uses map[string][]string, reasons map[string]string, seen map[string]bool) string {
	if seen[function] {
		return ""
	}
	seen[function] = true
	for _, name := range uses[function] {
		if why := reasons[name]; why != "" {
			return why
		}
		if uses[name] != nil {
			if why := reach(name, uses, reasons, seen); why != "" {
				return why
			}
		}
	}
	return ""
}
