package framing_test

import "strings"

// want is how a request ends: curl's code, the status and the body.
type want struct {
	code   int
	status int
	body   string
	// failed, if true, means that the response is refused. The status may be
	// known, and the body has at most the part before the error.
	failed bool
	// stock, if true, is what the stock library makes of it.
	stock bool
	// connections that the origin sees in all; 0 for any number.
	connections int
}

// What a request can come to.
var (
	refused = want{code: 8, failed: true, connections: 2} // CURLE_WEIRD_SERVER_REPLY
	badBody = want{code: 56, failed: true, connections: 2}
	asStock = want{stock: true}
)

// ok is a response with this body, on a connection that is kept.
func ok(body string) want { return want{status: 200, body: body, connections: 1} }

// last is a response with this body, after which the connection is closed.
func last(body string) want { return want{status: 200, body: body, connections: 2} }

// status is a response without a body.
func status(code int) want { return want{status: code, connections: 1} }

// row is a response, and its outcome in both columns of the table. A column
// without an outcome is not tried, because it would show nothing.
type row struct {
	name     string
	response string
	shared   want
	alone    want
	// method of the request; "" means GET.
	method string
	// ends, if true, makes the origin close the connection after the response
	// if the request is alone, so that a body without length ends.
	ends bool
	// endsShared is the same for the shared connection.
	endsShared bool
}

const (
	line  = "HTTP/1.1 200 OK\r\n"
	five  = "Content-Length: 5\r\n"
	coded = "Transfer-Encoding: chunked\r\n"
	hello = "\r\nhello"
	chunk = "\r\n5\r\nhello\r\n0\r\n\r\n"
	plain = line + five + hello
)

// table has the rules, row by row; each line has the outcomes of both columns.
var table = [][]row{
	lengths, codings, folds, spaces, lines, statusLines, interim, bodiless, chunks, ends, excess,
}

func length(name, value string, wanted want) row {
	return row{name: "length " + name, response: line + "Content-Length:" + value + "\r\n" + hello, shared: wanted, alone: wanted}
}

// negative is a negative length. curl's test 178 wants it ignored if the
// connection is not shared.
func negative(name, value string) row {
	r := length(name, value, refused)
	r.alone, r.ends = asStock, true
	return r
}

var lengths = []row{
	length("plus", " +5", refused),
	negative("minus", " -5"),
	negative("minus zero", " -0"),
	length("empty", "", refused),
	length("blank", "  ", refused),
	length("letters", " five", refused),
	length("letter behind", " 5x", refused),
	length("space inside", " 5 5", refused),
	length("hexadecimal", " 0x5", refused),
	length("fraction", " 5.0", refused),
	length("parameter", " 5;", refused),
	length("form feed", " \x0c5", refused),
	length("2^63", " 9223372036854775808", refused),
	length("2^64+5", " 18446744073709551621", refused),
	length("long", " "+strings.Repeat("9", 100), refused),
	length("white space around", "\t 5 \t", ok("hello")),
	length("zeros before", " 00000000000000000000000005", ok("hello")),
	length("list of different", " 5, 6", refused),
	length("list of equal", " 5,5 , 5", ok("hello")),
	length("list ends in comma", " 5,", refused),
	length("list begins with comma", " ,5", refused),
	{name: "lengths, different", response: line + "Content-Length: 50\r\n" + five + hello, shared: refused, alone: refused},
	{name: "lengths, different, the larger one behind", response: line + five + "Content-Length: 50\r\n" + hello, shared: refused, alone: refused},
	{name: "lengths, equal", response: line + five + "content-length: 05\r\n" + hello, shared: ok("hello"), alone: ok("hello")},
}

func coding(name, value string) row {
	return row{
		name: "coding " + name, response: line + "Transfer-Encoding:" + value + "\r\n" + chunk,
		shared: refused, alone: asStock, ends: true,
	}
}

var codings = []row{
	{name: "length and coding", response: line + five + coded + chunk, shared: refused, alone: last("hello")},
	{name: "coding and length", response: line + coded + "Content-Length: 50\r\n" + chunk, shared: refused, alone: last("hello")},
	coding("gzip, chunked", " gzip, chunked"),
	coding("chunked twice", " chunked, chunked"),
	coding("chunked, identity", " chunked, identity"),
	coding("identity", " identity"),
	coding("with a letter before", " xchunked"),
	coding("with a letter behind", " chunkedx"),
	coding("with a parameter", " chunked;q=1"),
	coding("with a comma", " chunked,"),
	coding("with a form feed", " \x0cchunked"),
	coding("quoted", " \"chunked\""),
	coding("empty", ""),
	{name: "coding in capitals", response: line + "TRANSFER-ENCODING:\tCHUNKED \r\n" + chunk, shared: ok("hello"), alone: ok("hello")},
	{name: "coding, two fields", response: line + coded + coded + chunk, shared: refused, alone: asStock},
	{name: "coding, two fields that differ", response: line + coded + "Transfer-Encoding: identity\r\n" + chunk, shared: refused, alone: asStock},
	{name: "coding in HTTP/1.0", response: "HTTP/1.0 200 OK\r\n" + coded + chunk, shared: refused, alone: asStock, ends: true},
}

var folds = []row{
	{name: "fold in the length", response: line + "Content-Length:\r\n 5\r\n" + hello, shared: refused, alone: ok("hello")},
	{name: "fold behind the length", response: line + "Content-Length: 5\r\n\t\r\n" + hello, shared: refused, alone: ok("hello")},
	{name: "fold between digits", response: line + "Content-Length: 5\r\n 5\r\n" + hello, shared: refused, alone: refused},
	{name: "fold in the coding", response: line + "Transfer-Encoding:\r\n \t chunked\r\n" + chunk, shared: refused, alone: ok("hello")},
	{name: "fold in Connection", response: line + five + "Connection:\r\n close\r\n" + hello, shared: refused, alone: last("hello")},
	{name: "fold elsewhere", response: line + "X-One: a \r\n\t b\r\n c\r\n" + five + hello, shared: ok("hello"), alone: asStock},
	{name: "fold without a field", response: line + " X-One: a\r\n" + five + hello, shared: refused, alone: asStock},
	{name: "length within a fold", response: line + five + "X-One: a\r\n Content-Length: 50\r\n" + hello, shared: ok("hello"), alone: ok("hello")},
	{name: "fold before the colon", response: line + "Content-Length\r\n : 5\r\n" + hello, shared: refused, alone: refused},
}

var spaces = []row{
	{name: "space behind Content-Length", response: line + "Content-Length : 5\r\n" + hello, shared: refused, alone: asStock, ends: true},
	{name: "tab behind Transfer-Encoding", response: line + "Transfer-Encoding\t: chunked\r\n" + chunk, shared: refused, alone: asStock, ends: true},
	{name: "space behind Connection", response: line + five + "Connection : close\r\n" + hello, shared: refused, alone: asStock},
	{name: "vertical tab behind Content-Length", response: line + "Content-Length\x0b: 5\r\n" + hello, shared: refused, alone: asStock, ends: true},
	{name: "control character before Content-Length", response: line + "\x01Content-Length: 5\r\n" + hello, shared: refused, alone: asStock, ends: true},
	{name: "no-break space in Transfer-Encoding", response: line + "Transfer\xa0-Encoding: chunked\r\n" + chunk, shared: refused, alone: asStock, ends: true},
	{name: "space behind another name", response: line + "X-One \t: a\r\n" + five + hello, shared: ok("hello"), alone: asStock},
}

func inSection(name, text string, shared, alone want) row {
	return row{name: name, response: line + five + text + hello, shared: shared, alone: alone}
}

var lines = []row{
	inSection("NUL in a value", "X-One: a\x00b\r\n", refused, asStock), // curl's test 262
	inSection("NUL in a name", "X\x00One: a\r\n", refused, asStock),
	inSection("NUL before a field", "\x00X-One: a\r\n", refused, refused),
	inSection("CR in a value", "X-One: a\rb\r\n", refused, refused),
	inSection("CR before a field", "\rX-One: a\r\n", refused, refused),
	inSection("CR CR LF", "X-One: a\r\r\n", refused, refused),
	inSection("CR for a line end", "X-One: a\rContent-Length: 50\r\n", refused, refused),
	{name: "NUL in the status line", response: "HTTP/1.1 200 O\x00K\r\n" + five + hello, shared: refused, alone: asStock},
	{name: "CR in the status line", response: "HTTP/1.1 200 O\rK\r\n" + five + hello, shared: refused, alone: refused},
	{name: "empty line of CR CR LF", response: line + five + "\r\r\nhello", shared: refused, alone: refused},
	{name: "line ends of LF", response: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", shared: ok("hello"), alone: ok("hello")},
	inSection("no colon", "X-One\r\n", refused, refused),
	inSection("only a word", "x\r\n", refused, refused),
	inSection("second status line", "HTTP/1.1 200 OK\r\n", refused, refused),
	inSection("second status line with a colon", "HTTP/1.1 200 OK: x\r\n", refused, refused),
	inSection("second status line in small letters", "http/1.1 200 OK: x\r\n", refused, refused),
	{name: "second status line behind 403", response: "HTTP/1.1 403 Forbidden\r\n" + plain, shared: refused, alone: refused},
}

func first(name, text string) row {
	return row{name: "status line " + name, response: text + "\r\n" + five + hello, shared: refused, alone: asStock, ends: true}
}

var statusLines = []row{
	first("four digits", "HTTP/1.1 2000 OK"),
	first("two digits", "HTTP/1.1 20 OK"),
	first("no digits", "HTTP/1.1 OK"),
	first("minus", "HTTP/1.1 -200 OK"),
	first("plus", "HTTP/1.1 +200 OK"),
	first("two spaces", "HTTP/1.1  200 OK"),
	first("tab", "HTTP/1.1\t200 OK"),
	first("no space behind", "HTTP/1.1 200OK"),
	first("1.2", "HTTP/1.2 200 OK"),
	first("1.10", "HTTP/1.10 200 OK"),
	first("1", "HTTP/1 200 OK"),
	first("0.9", "HTTP/0.9 200 OK"),
	first("small letters", "http/1.1 200 OK"),
	first("space before", " HTTP/1.1 200 OK"),
	first("ICY", "ICY 200 OK"),
	first("missing", "X-One: a"),
	first("short", "HT"),
	first("empty line before", "\r\nHTTP/1.1 200 OK"),
	first("empty line of LF before", "\nHTTP/1.1 200 OK"),
	first("two empty lines before", "\r\n\r\nHTTP/1.1 200 OK"),
	{name: "status line without a reason", response: "HTTP/1.1 200\r\n" + five + hello, shared: ok("hello"), alone: ok("hello")},
	{name: "status line with an empty reason", response: "HTTP/1.1 200 \r\n" + five + hello, shared: ok("hello"), alone: ok("hello")},
	{name: "status line of HTTP/2", response: "HTTP/2 200 OK\r\n" + five + hello, shared: refused},
	{name: "status line of HTTP/2.0", response: "HTTP/2.0 200 OK\r\n" + five + hello, shared: refused},
	{name: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\n" + five + hello, shared: last("hello"), alone: asStock},
	{name: "HTTP/1.0 keep-alive", response: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + five + hello, shared: last("hello"), alone: asStock},
	{name: "Connection: close", response: line + five + "Connection: close\r\n" + hello, shared: last("hello"), alone: last("hello")},
}

var interim = []row{
	{name: "101", response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + plain, shared: refused, alone: asStock, ends: true},
	{name: "100", response: "HTTP/1.1 100 Continue\r\n\r\n" + plain, shared: ok("hello"), alone: ok("hello")},
	{name: "many interim responses", response: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5) + plain, shared: ok("hello"), alone: ok("hello")},
	{name: "interim with length", response: "HTTP/1.1 103 Early Hints\r\nContent-Length: 50\r\n\r\n" + plain, shared: ok("hello"), alone: ok("hello")},
	{name: "interim with no length", response: "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n" + plain, shared: ok("hello"), alone: ok("hello")},
	{name: "interim with coding", response: "HTTP/1.1 103 Early Hints\r\n" + coded + "\r\n" + plain, shared: ok("hello"), alone: ok("hello")},
	{name: "interim with both", response: "HTTP/1.1 102 Processing\r\n" + coded + five + "\r\n" + line + coded + chunk, shared: ok("hello"), alone: ok("hello")},
	{name: "interim without end", response: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 6000) + plain, shared: refused, alone: refused},
	{name: "interim with fields without end", response: "HTTP/1.1 102 Processing\r\n" + strings.Repeat("X-One: aaaaaaaaaaaaaaaaaaaaaaa\r\n", 6000) + "\r\n" + plain, shared: refused, alone: refused},
}

var bodiless = []row{
	{name: "204 with coding", response: "HTTP/1.1 204 No Content\r\n" + coded + "\r\n", shared: status(204), alone: status(204)},
	{name: "204 with length", response: "HTTP/1.1 204 No Content\r\n" + five + "\r\n", shared: status(204), alone: status(204)},
	{name: "204 with everything", response: "HTTP/1.1 204 No Content\r\n" + five + coded + "Content-Length: x\r\n\r\n", shared: status(204), alone: status(204)},
	{name: "304 with length", response: "HTTP/1.1 304 Not Modified\r\n" + five + "\r\n", shared: status(304), alone: status(304)},
	{name: "304 with coding", response: "HTTP/1.1 304 Not Modified\r\n" + coded + "\r\n", shared: status(304), alone: status(304)},
	{name: "HEAD with length", method: "HEAD", response: line + five + "\r\n", shared: status(200), alone: status(200)},
	{name: "HEAD with coding", method: "HEAD", response: line + coded + "\r\n", shared: status(200), alone: status(200)},
	{name: "HEAD with both", method: "HEAD", response: line + coded + five + "\r\n", shared: status(200), alone: status(200)},
	{name: "HEAD with two lengths", method: "HEAD", response: line + "Content-Length: 50\r\n" + five + "\r\n", shared: status(200), alone: status(200)},
}

func chunked(name, body string, shared, alone want) row {
	return row{name: "chunk " + name, response: line + coded + "\r\n" + body, shared: shared, alone: alone}
}

var chunks = []row{
	chunked("size minus", "-5\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size plus", "+5\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size 0x5", "0x5\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size 5_0", "5_0\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size with space before", " 5\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size with space inside", "5 5\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size empty", "\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size of letters", "five\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size 2^63", "8000000000000000\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size 2^64+5", "10000000000000005\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("size followed by CR", "5\r hello\r\n0\r\n\r\n", badBody, badBody),
	chunked("extension with NUL", "5;a\x00b\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("extension with CR", "5;a\rb\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("extensions", "5 ; a=b;c=\"d;e\"\r\nhello\r\n0;f\r\n\r\n", ok("hello"), ok("hello")),
	chunked("size with zeros and white space", "0005 \t\r\nhello\r\n00\r\n\r\n", ok("hello"), ok("hello")),
	chunked("without line end", "5\r\nhello0\r\n\r\n", badBody, badBody),
	chunked("longer than its size", "5\r\nhello!\r\n0\r\n\r\n", badBody, badBody),
	chunked("followed by LF", "5\r\nhello\n0\r\n\r\n", badBody, asStock),
	chunked("followed by CR CR LF", "5\r\nhello\r\r\n0\r\n\r\n", badBody, asStock),
	chunked("extension without end", "5;"+strings.Repeat("a", 200000)+"\r\nhello\r\n0\r\n\r\n", badBody, badBody),
	chunked("trailers", "5\r\nhello\r\n0\r\nX-One: a\r\n b\r\nX-Two: b\r\n\r\n", ok("hello"), ok("hello")),
	chunked("trailers that frame", "5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\n\r\n", ok("hello"), ok("hello")),
	chunked("trailer without colon", "5\r\nhello\r\n0\r\nX-One\r\n\r\n", badBody, badBody),
	chunked("trailer that is a status line", "5\r\nhello\r\n0\r\n"+line+"\r\n", badBody, badBody),
	chunked("trailer with NUL", "5\r\nhello\r\n0\r\nX-One: \x00\r\n\r\n", badBody, badBody),
	chunked("trailer with CR", "5\r\nhello\r\n0\r\nX-One: a\rb\r\n\r\n", badBody, badBody),
	chunked("trailer without end", "5\r\nhello\r\n0\r\nX-One: "+strings.Repeat("a", 200000)+"\r\n\r\n", badBody, badBody),
	chunked("trailers without end", "5\r\nhello\r\n0\r\n"+strings.Repeat("X-One: aaaaaaaaaaaaa\r\n", 8000)+"\r\n", badBody, badBody),
}

var ends = []row{
	{
		name: "end before the length", response: line + "Content-Length: 10\r\n" + hello, ends: true, endsShared: true,
		shared: want{code: 18, status: 200, body: "hello", connections: 2}, alone: want{code: 18, status: 200, body: "hello", connections: 2},
	},
	{
		name: "end within the largest length", response: line + "Content-Length: 9223372036854775807\r\n" + hello, ends: true, endsShared: true,
		shared: want{code: 18, status: 200, body: "hello", connections: 2}, alone: want{code: 18, status: 200, body: "hello", connections: 2},
	},
	{
		name: "end before the last chunk", response: line + coded + "\r\n5\r\nhello\r\n", ends: true, endsShared: true,
		shared: want{code: 18, status: 200, body: "hello", connections: 2}, alone: want{code: 18, status: 200, body: "hello", connections: 2},
	},
	{name: "end within the section", response: line + five, ends: true, endsShared: true, shared: refused, alone: asStock},
	{name: "end within a line of the section", response: line + "X-One: ", ends: true, endsShared: true, shared: refused, alone: asStock},
	{name: "end is the end of the body", response: line + "X-One: a\r\n" + hello, ends: true, endsShared: true, shared: last("hello"), alone: last("hello")},
}

// excess has bytes after the response that no request asked for. If other
// requests are pipelined, the bytes are taken for their responses.
var excess = []row{
	{name: "bytes behind the response", response: plain + "evil", alone: last("hello")},
	{name: "line end behind the response", response: plain + "\r\n", alone: last("hello")},
	{name: "a response behind the response", response: plain + plain, alone: last("hello")},
	{name: "half a response behind the response", response: plain + "HTTP/1.1 200 OK\r\nX-One: a\r\n", alone: last("hello")},
	{name: "a response behind a response without body", response: "HTTP/1.1 204 No Content\r\n\r\n" + plain, alone: want{status: 204, connections: 2}},
	{name: "a body behind the response to HEAD", response: line + five + hello, method: "HEAD", alone: want{status: 200, connections: 2}},
}
