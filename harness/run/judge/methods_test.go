package judge

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLibraryRepeatsTheSameMethods holds the judge against the library, which
// is a module of its own and says nothing of what it thinks idempotent.
func TestLibraryRepeatsTheSameMethods(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../../curlpipe/request.go", nil, 0)
	require.NoError(t, err)
	function := file.Scope.Lookup("idempotent")
	require.NotNil(t, function, "the library has no function idempotent any more: what does it repeat?")
	var named []string
	ast.Inspect(function.Decl.(*ast.FuncDecl), func(n ast.Node) bool {
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
