package cshim

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const roomyOverhead = 1 << 20

// framings are responses with the body that must be read, or with a part of the
// reason why they must be refused.
var framings = map[string]struct {
	response string
	head     bool
	sticks   bool // libcurl before 7.65.1
	body     string
	trailer  string
	refused  string
}{
	"length":                         {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	"name in other case":             {response: "HTTP/1.1 200 OK\r\ncONTENT-lENGTH:5\r\n\r\nhello", body: "hello"},
	"the same length twice":          {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 05\r\n\r\nhello", body: "hello"},
	"a list of the same length":      {response: "HTTP/1.1 200 OK\r\nContent-Length: 5 ,5\r\n\r\nhello", body: "hello"},
	"two lengths":                    {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello", refused: "two values"},
	"a list of two lengths":          {response: "HTTP/1.1 200 OK\r\nContent-Length: 5, 59\r\n\r\nhello", refused: "two values"},
	"a list with nothing in it":      {response: "HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\nhello", refused: "empty"},
	"length with a sign":             {response: "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", refused: "not a number"},
	"negative length":                {response: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", refused: "not a number"},
	"length with letters":            {response: "HTTP/1.1 200 OK\r\nContent-Length: 5abc\r\n\r\nhello", refused: "not a number"},
	"length with a space":            {response: "HTTP/1.1 200 OK\r\nContent-Length: 5 9\r\n\r\nhello", refused: "not a number"},
	"length in hex":                  {response: "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", refused: "not a number"},
	"no length":                      {response: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello", refused: "empty"},
	"length of 2^63-1":               {response: "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nhello", body: "hello"},
	"length of 2^63":                 {response: "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nhello", refused: "too large"},
	"length of 2^64 and 5":           {response: "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello", refused: "too large"},
	"length and coding":              {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: "both"},
	"length goes on":                 {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 9\r\n\r\nhello", refused: "must not go on"},
	"length behind its name's end":   {response: "HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello", refused: "must not go on"},
	"connection goes on":             {response: "HTTP/1.1 200 OK\r\nConnection: x,\r\n\tclose\r\nContent-Length: 0\r\n\r\n", refused: "must not go on"},
	"coding goes on":                 {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", refused: "must not go on"},
	"another goes on":                {response: "HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 9\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	"the status line goes on":        {response: "HTTP/1.1 200 OK\r\n Content-Length: 9\r\n\r\nhello", refused: "must not go on"},
	"space before the colon":         {response: "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", refused: "before the colon"},
	"tab before the colon":           {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", refused: "before the colon"},
	"space before another's colon":   {response: "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	"NUL in a name":                  {response: "HTTP/1.1 200 OK\r\nContent-\x00Length: 5\r\n\r\nhello", refused: "NUL"},
	"NUL in a value":                 {response: "HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 5\r\n\r\nhello", refused: "NUL"},
	"NUL in the reason":              {response: "HTTP/1.1 200 O\x00K\r\nContent-Length: 5\r\n\r\nhello", refused: "NUL"},
	"CR in a value":                  {response: "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 9\r\nContent-Length: 5\r\n\r\nhello", refused: "CR"},
	"CR before a line's end":         {response: "HTTP/1.1 200 OK\r\nX: a\r\r\nContent-Length: 5\r\n\r\nhello", refused: "CR"},
	"CR begins a line":               {response: "HTTP/1.1 200 OK\r\n\rX: a\r\nContent-Length: 5\r\n\r\nhello", refused: "CR"},
	"lines that end with LF":         {response: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", body: "hello"},
	"no colon":                       {response: "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 5\r\n\r\nhello", refused: "no colon"},
	"no name":                        {response: "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 5\r\n\r\nhello", refused: "no name"},
	"no token":                       {response: "HTTP/1.1 200 OK\r\nX@Y: x\r\nContent-Length: 5\r\n\r\nhello", refused: "not a token"},
	"a second status line":           {response: "HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "no colon"},
	"a second one with a colon":      {response: "HTTP/1.1 200 OK\r\nHTTP/1.1 200 a:b\r\nContent-Length: 5\r\n\r\nhello", refused: "not a token"},
	"blank line first":               {response: "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "does not begin"},
	"HTTP/0.9":                       {response: "hello\r\n", refused: "does not begin"},
	"HTTP/1.2":                       {response: "HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "does not begin"},
	"HTTP/3":                         {response: "HTTP/3 200\r\nContent-Length: 5\r\n\r\nhello", refused: "does not begin"},
	"http in small letters":          {response: "http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "does not begin"},
	"white space first":              {response: " HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "does not begin"},
	"two spaces":                     {response: "HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "status code"},
	"a tab":                          {response: "HTTP/1.1\t200 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "status code"},
	"two digits":                     {response: "HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "status code"},
	"four digits":                    {response: "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "status code"},
	"code below 100":                 {response: "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "status code"},
	"code with a sign":               {response: "HTTP/1.1 +20 OK\r\nContent-Length: 5\r\n\r\nhello", refused: "status code"},
	"no reason":                      {response: "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	"101":                            {response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", refused: "101"},
	"100 before":                     {response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	"103s with fields about a body":  {response: "HTTP/1.1 103 Early\r\nContent-Length: x\r\n\r\nHTTP/1.1 103 Early\r\nTransfer-Encoding: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	"103 with length, then one":      {response: "HTTP/1.1 103 Early\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", sticks: true, body: "hello"},
	"103 with length, then none":     {response: "HTTP/1.1 103 Early\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello", sticks: true, refused: "interim"},
	"103 with coding, then length":   {response: "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", sticks: true, refused: "interim"},
	"103 with coding, then coding":   {response: "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", sticks: true},
	"204 with fields":                {response: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nHTTP"},
	"304 with fields":                {response: "HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\nTransfer-Encoding: y\r\n\r\nHTTP"},
	"HEAD with fields":               {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nHTTP", head: true},
	"HEAD with two lengths":          {response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nHTTP", head: true, refused: "two values"},
	"until the end":                  {response: "HTTP/1.1 200 OK\r\n\r\nhello", body: "hello"},
	"coding of another kind":         {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhello", refused: "not just chunked"},
	"gzip, then chunked":             {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nhello", refused: "not just chunked"},
	"chunked twice":                  {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nhello", refused: "not just chunked"},
	"identity":                       {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello", refused: "not just chunked"},
	"chunked with a parameter":       {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;x\r\n\r\nhello", refused: "not just chunked"},
	"no coding":                      {response: "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello", refused: "not just chunked"},
	"Chunked in HTTP/1.0":            {response: "HTTP/1.0 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", refused: "HTTP/1.0"},
	"chunks":                         {response: chunked("5\r\nhello\r\n006\r\n world\r\n0\r\n\r\n"), body: "hello world"},
	"extensions":                     {response: chunked("5;a=\"b\" ; c\r\nhello\r\n0 ;x\r\n\r\n"), body: "hello"},
	"white space behind the size":    {response: chunked("5 \t\r\nhello\r\n0\r\n\r\n"), body: "hello"},
	"trailers":                       {response: chunked("5\r\nhello\r\n0\r\nX-A: 1\r\nX-B : 2\r\n\t3\r\n\r\nHTTP"), body: "hello", trailer: "X-A: 1\r\nX-B : 2\r\n\t3\r\n"},
	"size as in C":                   {response: chunked("0x5\r\nhello\r\n0\r\n\r\n"), refused: "not a number"},
	"size with an underscore":        {response: chunked("0_5\r\nhello\r\n0\r\n\r\n"), refused: "not a number"},
	"size with a sign":               {response: chunked("+5\r\nhello\r\n0\r\n\r\n"), refused: "no size"},
	"size with a space first":        {response: chunked(" 5\r\nhello\r\n0\r\n\r\n"), refused: "no size"},
	"size with a space inside":       {response: chunked("0 5\r\nhello\r\n0\r\n\r\n"), refused: "not a number"},
	"no size":                        {response: chunked("\r\nhello\r\n0\r\n\r\n"), refused: "no size"},
	"no size, but an extension":      {response: chunked(";x\r\nhello\r\n0\r\n\r\n"), refused: "no size"},
	"size of 2^63":                   {response: chunked("8000000000000000\r\nhello"), refused: "too large"},
	"size of 2^64 and 5":             {response: chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), refused: "too large"},
	"size of many zeros":             {response: chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), refused: "too large"},
	"line that ends with LF":         {response: chunked("5\nhello\r\n0\r\n\r\n"), refused: "not a number"},
	"extension that ends with LF":    {response: chunked("5;x\nhello\r\n0\r\n\r\n"), refused: "LF"},
	"CR in an extension":             {response: chunked("5;x\rhello\r\n0\r\n\r\n"), refused: "CR LF"},
	"NUL in an extension":            {response: chunked("5;\x00\r\nhello\r\n0\r\n\r\n"), refused: "NUL"},
	"nothing behind the data":        {response: chunked("5\r\nhello0\r\n\r\n"), refused: "CR LF"},
	"LF behind the data":             {response: chunked("5\r\nhello\n0\r\n\r\n"), refused: "CR LF"},
	"CR CR behind the data":          {response: chunked("5\r\nhello\r\r\n0\r\n\r\n"), refused: "CR LF"},
	"LF at the end":                  {response: chunked("5\r\nhello\r\n0\r\n\n"), refused: "no name"},
	"trailer without a colon":        {response: chunked("0\r\nnonsense\r\n\r\n"), refused: "not a token"},
	"trailer without a name":         {response: chunked("0\r\n: x\r\n\r\n"), refused: "no name"},
	"trailer that goes on from none": {response: chunked("0\r\n x: y\r\n\r\n"), refused: "no name"},
	"trailer that ends with LF":      {response: chunked("0\r\nX: y\n\r\n"), refused: "LF"},
	"status line for a trailer":      {response: chunked("0\r\nHTTP/1.1 200 OK\r\n\r\n"), refused: "not a token"},
}

func chunked(body string) string {
	return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

func TestFraming(t *testing.T) {
	for name, each := range framings {
		t.Run(name, func(t *testing.T) {
			for pieces := 1; pieces <= len(each.response); pieces++ {
				read, err := readFraming([]byte(each.response), rulesOf(each.head, each.sticks, roomyOverhead), pieces)
				if each.refused != "" {
					require.ErrorContains(t, err, each.refused)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, each.body, string(read.body))
				require.Equal(t, each.trailer, string(read.trailer))
				require.Equal(t, name != "length of 2^63-1", read.complete)
			}
		})
	}
}

// TestFramingUnseen tests ends of responses that libcurl cannot see, or sees
// elsewhere.
func TestFramingUnseen(t *testing.T) {
	for response, want := range map[string]framed{
		"HTTP/1.0 200 OK\r\nConnection: not-keep-alive\r\nContent-Length: 0\r\n\r\n":    {closes: true},
		"HTTP/1.0 200 OK\r\nProxy-Connection: keep-alive\r\nContent-Length: 0\r\n\r\n":  {closes: true},
		"HTTP/1.0 200 OK\r\nConnection: x, Keep-Alive\r\nContent-Length: 0\r\n\r\n":     {},
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n":                                  {},
		"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n":               {unseen: true},
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n":                        {},
		"HTTP/1.1 100 x\r\nTransfer-Encoding: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n": {unseen: true},
	} {
		read, err := readFraming([]byte(response), rulesOf(false, true, roomyOverhead), 1)
		require.NoError(t, err, response)
		require.Equal(t, want.closes, read.closes, response)
		require.Equal(t, want.unseen, read.unseen, response)
		modern, err := readFraming([]byte(response), rulesOf(false, false, roomyOverhead), 1)
		require.NoError(t, err, response)
		require.False(t, modern.unseen, response)
	}
}

func TestFramingBoundsWhatIsNotBody(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("1;"+strings.Repeat("x", 98)+"\r\na\r\n", 10) + "0\r\n\r\n",
		"0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 95)+"\r\n", 10) + "\r\n",
		"1" + strings.Repeat(" ", 1000) + "\r\na\r\n0\r\n\r\n",
	} {
		for _, pieces := range []int{1, 7, 10_000} {
			_, err := readFraming([]byte(chunked(body)), rulesOf(false, false, 1000), pieces)
			require.NoError(t, err)
			_, err = readFraming([]byte(chunked(body)), rulesOf(false, false, 980), pieces)
			require.ErrorIs(t, err, errTooLong)
		}
	}
}

// FuzzFraming compares framing.c with net/http, an independent parser: net/http
// refuses a response that framing.c accepts, or reads it in the same way. The
// pieces in which a response arrives make no difference.
func FuzzFraming(f *testing.F) {
	for _, each := range framings {
		f.Add([]byte(each.response+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"), each.head, byte(3))
	}
	f.Fuzz(func(t *testing.T, response []byte, head bool, pieces byte) {
		rules := rulesOf(head, false, roomyOverhead)
		whole, err := readFraming(response, rules, len(response)+1)
		split, splitErr := readFraming(response, rules, int(pieces)+1)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(splitErr))
		require.Equal(t, whole, split)
		if err != nil || whole.status == 0 {
			return
		}
		body, err := readWithNetHTTP(response, head)
		if err == nil {
			require.Equal(t, whole.status, body.status)
			require.Equal(t, string(body.body), string(whole.body))
			require.Equal(t, body.complete, whole.complete)
		}
	})
}

// readWithNetHTTP reads a response with net/http, and returns an error if
// net/http refuses it.
func readWithNetHTTP(response []byte, head bool) (framed, error) {
	request := &http.Request{Method: http.MethodGet}
	if head {
		request.Method = http.MethodHead
	}
	reader := bufio.NewReader(bytes.NewReader(response))
	for {
		read, err := http.ReadResponse(reader, request)
		if err != nil {
			return framed{}, err
		}
		if read.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(read.Body)
		read.Body.Close()
		if err == nil || err == io.ErrUnexpectedEOF {
			return framed{status: read.StatusCode, body: body, complete: err == nil}, nil
		}
		return framed{}, err
	}
}
