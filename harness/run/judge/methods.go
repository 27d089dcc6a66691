package judge

import (
	"net/http"
	"slices"
)

// idempotent are the methods that may be repeated, and pipelined [RFC 9110
// §9.2.2, RFC 9112 §9.3.2]. PUT and DELETE are among them, and are not safe.
var idempotent = []string{
	http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete,
}

// Idempotent reports whether a request with this method may be sent again, and
// whether other requests may be sent behind it.
func Idempotent(method string) bool { return slices.Contains(idempotent, method) }
