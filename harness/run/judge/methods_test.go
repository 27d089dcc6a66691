package judge

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLibraryRepeatsTheSameMethods compares the judge with the library, another
// module that does not export its list of idempotent methods.
func TestLibraryRepeatsTheSameMethods(t *testing.T) {
	sources, err := filepath.Glob("../../../curlpipe/*.go")
	require.NoError(t, err)
	var function *ast.FuncDecl
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		require.NoError(t, err)
		for _, declared := range file.Decls {
			if f, is := declared.(*ast.FuncDecl); is && f.Name.Name == "idempotent" {
				function = f
			}
		}
	}
	require.NotNil(t, function, "the library has no function idempotent any more: what does it repeat?")
	var named []string
	ast.Inspect(function, func(n ast.Node) bool {
		if constant, is := n.(*ast.SelectorExpr); is {
			named = append(named, constant.Sel.Name)
		}
		return true
	})
	require.ElementsMatch(t, []string{"MethodGet", "MethodHead", "MethodOptions", "MethodTrace", "MethodPut", "MethodDelete"}, named)
	require.Len(t, idempotent, len(named))
	for _, method := range []string{"POST", "PATCH", "CONNECT", "get", ""} {
		require.False(t, Idempotent(method), method)
	}
}
