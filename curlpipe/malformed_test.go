package curlpipe

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// malformedKind is a way in which a server frames a response invalidly, with
// bytes after it that a client might take for the next response.
type malformedKind struct {
	name string
	text func(body string) string
}

const (
	// firstUnfolding is libcurl 8.18.0, which joins folded lines before it
	// delivers them, and parses the result.
	firstUnfolding = 0x81200
	// firstReadingOn is libcurl 8.5.0. Releases before it lose what they have read
	// after a line that begins with a NUL, see upstream/README.md; patched ones do
	// not.
	firstReadingOn = 0x80500
)

// seesAll reports whether a libcurl delivers a malformed response unchanged.
func seesAll(lib library, text string) bool {
	folds := strings.Contains(text, "\n ") || strings.Contains(text, "\n\t")
	forgotten := strings.Contains(text, "\n\x00")
	return (!folds || lib.number < firstUnfolding) && (!forgotten || lib.patched || lib.number >= firstReadingOn)
}

// malformedKinds are all combinations of an error and its place.
func malformedKinds(t testing.TB) (kinds []malformedKind) {
	lib, err := loadedLibrary()
	require.NoError(t, err)
	add := func(name string, text func(body string) string) {
		if seesAll(lib, text("id=bad;")) {
			kinds = append(kinds, malformedKind{name, text})
		}
	}
	addLengthKinds(add)
	addCodingKinds(add)
	addFoldKinds(add)
	addOctetKinds(add)
	addStatusKinds(add)
	addChunkKinds(add)
	return kinds
}

type addMalformed func(name string, text func(body string) string)

const okLine = "HTTP/1.1 200 OK"

func withLength(status, fields, body string) string {
	return fmt.Sprintf("%s\r\n%sContent-Length: %d\r\n\r\n%s", status, fields, len(body), body)
}

func withChunks(status, fields, chunks string) string {
	return status + "\r\n" + fields + "\r\n" + chunks
}

// places are where a line may be beside a valid Content-Length.
var places = []struct {
	name  string
	place func(line, honest string) string
}{
	{"alone", func(line, _ string) string { return line }},
	{"before the right one", func(line, honest string) string { return line + honest }},
	{"behind the right one", func(line, honest string) string { return honest + line }},
	{"behind another field", func(line, honest string) string { return honest + "X-Y: z\r\n" + line }},
}

// addLengthKinds adds invalid values of Content-Length, and values that differ.
func addLengthKinds(add addMalformed) {
	for _, value := range []string{
		"+{n}", "-{n}", "0x{n}", "{n}x", "{n} x", "{n}.0", "{n}e0", "\"{n}\"", "{n};", "'{n}", "{n} {n}", "9223372036854775808", "99999999999999999999",
		"18446744073709551616", "{n}, +{n}", "{n}, {n}x", "abc", "", "\u00a0{n}", "\u0665", "_{n}", "1_{n}",
	} {
		for _, at := range places {
			for _, name := range []string{"Content-Length", "content-length", "CONTENT-LENGTH"} {
				add(fmt.Sprintf("%s: %s, %s", name, value, at.name), func(body string) string {
					line := name + ": " + strings.ReplaceAll(value, "{n}", strconv.Itoa(len(body))) + "\r\n"
					return okLine + "\r\n" + at.place(line, fmt.Sprintf("Content-Length: %d\r\n", len(body))) + "\r\n" + body
				})
			}
		}
	}
	for _, differs := range []int{-4, -1, 1, 400} {
		for _, at := range places[1:] {
			add(fmt.Sprintf("a Content-Length that is %+d, %s", differs, at.name), func(body string) string {
				line := fmt.Sprintf("content-Length: %d\r\n", len(body)+differs)
				return okLine + "\r\n" + at.place(line, fmt.Sprintf("Content-Length: %d\r\n", len(body))) + "\r\n" + body
			})
		}
		for _, list := range []string{"%d, %d", "%[2]d,%[1]d", "%d ,%[1]d, %[2]d"} {
			add(fmt.Sprintf("a list of Content-Lengths as %q, one that is %+d", list, differs), func(body string) string {
				return okLine + "\r\nContent-Length: " + fmt.Sprintf(list, len(body), len(body)+differs) + "\r\n\r\n" + body
			})
		}
	}
}

// addCodingKinds adds transfer codings other than chunked alone.
func addCodingKinds(add addMalformed) {
	for _, value := range []string{
		"xchunked", "chunkedx", "chunked;q=1", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "identity, chunked", "gzip", "\"chunked\"", "",
		"chunk ed", "chunked x", "chunked\v", "\vchunked", "x,chunked",
	} {
		add("Transfer-Encoding: "+value, func(body string) string {
			return withChunks(okLine, "Transfer-Encoding: "+value+"\r\n", inThree(body, hexadecimal, crlf, "\r\n"))
		})
	}
	for _, second := range []string{"chunked", "identity", "gzip"} {
		add("Transfer-Encoding: chunked, and then "+second, func(body string) string {
			return withChunks(okLine, "Transfer-Encoding: chunked\r\nTransfer-Encoding: "+second+"\r\n", inThree(body, hexadecimal, crlf, "\r\n"))
		})
	}
	for _, coding := range []string{"Transfer-Encoding: chunked\r\n", "transfer-encoding: CHUNKED\r\n", "Transfer-Encoding: identity\r\n"} {
		for _, at := range places[1:] {
			add(fmt.Sprintf("Content-Length with %q, %s", coding, at.name), func(body string) string {
				return okLine + "\r\n" + at.place(coding, fmt.Sprintf("Content-Length: %d\r\n", len(body))) + "\r\n" + body
			})
			add(fmt.Sprintf("chunks with Content-Length and %q, %s", coding, at.name), func(body string) string {
				chunks := inThree(body, hexadecimal, crlf, "\r\n")
				return okLine + "\r\n" + at.place(coding, fmt.Sprintf("Content-Length: %d\r\n", len(chunks))) + "\r\n" + chunks
			})
		}
	}
	for _, keeps := range []string{"", "Connection: keep-alive\r\n", "Connection: close\r\n"} {
		add(fmt.Sprintf("HTTP/1.0 with Transfer-Encoding, %q", keeps), func(body string) string {
			return withChunks("HTTP/1.0 200 OK", keeps+"Transfer-Encoding: chunked\r\n", inThree(body, hexadecimal, crlf, "\r\n"))
		})
	}
}

// framingFields are the fields that say where a response ends, each with a
// value.
var framingFields = []struct{ name, value string }{
	{"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}, {"Connection", "close"}, {"connection", "keep-alive"},
}

// addFoldKinds adds forbidden white space in those fields.
func addFoldKinds(add addMalformed) {
	for _, of := range framingFields {
		for _, space := range []string{" ", "\t", "  ", " \t"} {
			for name, line := range map[string]string{
				"before the colon":     of.name + space + ": " + of.value,
				"on the next line":     of.name + ":\r\n" + space + of.value,
				"and more on the next": of.name + ": x,\r\n" + space + of.value,
				"and nothing more":     of.name + ": " + of.value + "\r\n" + space,
			} {
				add(fmt.Sprintf("%s: %q %s", of.name, space, name), func(body string) string {
					return withLength(okLine, line+"\r\n", body)
				})
			}
		}
	}
}

// addOctetKinds adds octets that are invalid in a line of a section, and lines
// that are no fields.
func addOctetKinds(add addMalformed) {
	for _, octet := range []string{"\x00", "\r", "\rContent-Length: 3", "\r\r", "\x00\r"} {
		for name, line := range map[string]string{
			"as a line": "%s", "in a name": "X%sY: z", "before the colon": "X%s: y", "behind the colon": "X:%sy", "in a value": "X: y%sz", "behind a value": "X: y%s",
			"in Content-Length": "Content-Length: 3%s", "before Content-Length": "Content-Length: %s3", "in Content-Length's name": "Content-%sLength: 3",
			"in Transfer-Encoding": "Transfer-Encoding: chunked%s", "in Connection": "Connection: %sclose",
		} {
			add(fmt.Sprintf("%q %s", octet, name), func(body string) string {
				return withLength(okLine, fmt.Sprintf(line, octet)+"\r\n", body)
			})
		}
		for _, line := range []string{"HTTP/1.1 200 O%sK", "HTTP/1.1%s200 OK", "HTTP/1.1 2%s00 OK", "HTTP%s/1.1 200 OK", "%sHTTP/1.1 200 OK", "HTTP/1.1 200%s"} {
			add(fmt.Sprintf("%q in the status line %q", octet, line), func(body string) string {
				return withLength(fmt.Sprintf(line, octet), "", body)
			})
		}
	}
	for _, line := range []string{
		"nonsense", ": x", "X Y: z", "X\tY: z", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK: x", "(X): y", "X@Y: z", "X\x01Y: z", "X\x7f: y", "\x80: y", "\"X\": y", "=", "\v: x", "X\v: y",
	} {
		for _, at := range places[1:] {
			add(fmt.Sprintf("the line %q, %s", line, at.name), func(body string) string {
				return okLine + "\r\n" + at.place(line+"\r\n", fmt.Sprintf("Content-Length: %d\r\n", len(body))) + "\r\n" + body
			})
		}
	}
	for _, space := range []string{" ", "\t"} {
		add(fmt.Sprintf("the first line begins with %q", space), func(body string) string {
			return withLength(okLine, space+"Content-Length: 3\r\n", body)
		})
	}
}

// addStatusKinds adds invalid status lines.
func addStatusKinds(add addMalformed) {
	for _, line := range []string{
		"HTTP/2 200 OK", "HTTP/2 200 ", "HTTP/2.0 200 OK", "HTTP/3 200", "HTTP/3.0 200 OK", "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "HTTP/1.10 200 OK", "HTTP/01.1 200 OK",
		"HTTP/1 200 OK", "HTTP/1. 200 OK", "HTTP/1.1. 200 OK", "HTTP/11 200 OK", "http/1.1 200 OK", "Http/1.1 200 OK", "HTTPS/1.1 200 OK", "HTTP 1.1 200 OK", "HTTP/-1.1 200 OK",
		"HTTP/1.1  200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1\v200 OK", "HTTP/1.1 \t200 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 OK",
		"HTTP/1.1 2000 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 +200 OK", "HTTP/1.1 2e2 OK", "HTTP/1.1 0x200 OK", "HTTP/1.1 200OK", "HTTP/1.1 2 00 OK",
		"HTTP/1.1 099 OK", "HTTP/1.1 000 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 200.1 OK", "HTTP/1.1 101 Switching Protocols", "HTTP/1.1 101",
		"\r\nHTTP/1.1 200 OK", "\n\nHTTP/1.1 200 OK", "\r\n\r\n\r\nHTTP/1.1 200 OK", " HTTP/1.1 200 OK", "\tHTTP/1.1 200 OK", "ICY 200 OK", "RTSP/1.0 200 OK", "junk\r\nHTTP/1.1 200 OK", "junk",
		"HTTP/1.1 200 OK\r\n Content-Length: 3", "HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/2 200 OK", "GET / HTTP/1.1",
	} {
		add(fmt.Sprintf("status line %q", line), func(body string) string { return withLength(line, "", body) })
	}
	add("nothing but the body", func(body string) string { return body })
}

// inThree writes a body in three chunks: size writes the size of one, data what
// is between its data and the next, and end what follows the last chunk.
func inThree(body string, size func(int) string, data func(chunk string) string, end string) string {
	third := len(body) / 3
	var text strings.Builder
	for _, chunk := range []string{body[:third], body[third : 2*third], body[2*third:]} {
		text.WriteString(size(len(chunk)) + "\r\n" + data(chunk))
	}
	return text.String() + "0\r\n" + end
}

func crlf(chunk string) string { return chunk + "\r\n" }

// onlyThe changes one chunk when a body is written in three.
func onlyThe(which int, other func(int) string) func(int) string {
	count := -1
	return func(n int) string {
		if count++; count%3 == which {
			return other(n)
		}
		return hexadecimal(n)
	}
}

// addChunkKinds adds invalid chunks, each as the first, second and last one
// with data.
func addChunkKinds(add addMalformed) {
	const chunked = "Transfer-Encoding: chunked\r\n"
	for which, name := range []string{"first", "second", "third"} {
		for _, size := range []string{
			"0x{n}", "0_{n}", "+{n}", "-{n}", " {n}", "\t{n}", "{n}x", "{n} {n}", "1000000000000000{n}", "ffffffffffffffff", "8000000000000000", "{n};\x00", "{n};x\ny", "{n};x\ry",
			"", "g", "\"{n}\"", "{n},", "{n}.", "0x", "{n}\x00", "{n}\v", "\u0665", "{n};x=\"\r\n\"", "\r\n{n}",
		} {
			add(fmt.Sprintf("%s chunk's size as %q", name, size), func(body string) string {
				return withChunks(okLine, chunked, inThree(body, onlyThe(which, func(n int) string { return strings.ReplaceAll(size, "{n}", hexadecimal(n)) }), crlf, "\r\n"))
			})
		}
		for _, behind := range []string{"", "\n", "\r", "\n\r", "x\r\n", "xx", " \r\n", "\x00\r\n", "\r\r\n", "\r\n\r\n"} {
			add(fmt.Sprintf("%q behind the %s chunk's data", behind, name), func(body string) string {
				count := -1
				return withChunks(okLine, chunked, inThree(body, hexadecimal, func(chunk string) string {
					if count++; count == which {
						return chunk + behind
					}
					return crlf(chunk)
				}, "\r\n"))
			})
		}
	}
	for _, trailer := range []string{
		"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "nonsense\r\n\r\n", ": x\r\n\r\n", "X: \x00\r\n\r\n", "X: a\rb\r\n\r\n", "X Y: z\r\n\r\n", "X : y\x00\r\n\r\n", " X: y\r\n\r\n", "\rX: y\r\n\r\n",
	} {
		add(fmt.Sprintf("the trailer section %q", trailer), func(body string) string {
			return withChunks(okLine, chunked, inThree(body, hexadecimal, crlf, trailer))
		})
	}
}
