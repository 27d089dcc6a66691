package cshim

// Text is the text of a request: its URL, method and header lines. Call Start
// first, then add the fields. No part may contain a NUL, because the C side
// ends each part with one (request.c).
//
// The next Start reuses the memory.
type Text []byte

// Start begins a new text. An empty method means GET, or HEAD with
// Request.Head. The parts of the URL are joined. A URL without a path asks for
// the server as a whole, which needs libcurl 7.55.0 [RFC 9112 §3.2.4].
func (t *Text) Start(method string, url ...string) {
	*t = (*t)[:0]
	t.put(url...)
	t.put(method)
}

// Field adds a header line. The value may be empty.
func (t *Text) Field(name, value string) {
	if value == "" {
		t.put(name, ";") // CURLOPT_HTTPHEADER(3): "Name:" would remove the field
		return
	}
	t.put(name, ": ", value)
}

// Without omits a field that libcurl would send by default.
func (t *Text) Without(name string) { t.put(name, ":") }

func (t *Text) put(parts ...string) {
	for _, part := range parts {
		*t = append(*t, part...)
	}
	*t = append(*t, 0)
}
