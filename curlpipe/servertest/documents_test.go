package servertest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sizes are the sizes of the documents in bytes. The larger ones are requested
// less often.
var sizes = []int{0, 1, 2, 100, 1000, 1460, 4095, 4096, 4097, 16383, 16385, 64 << 10, 1 << 20, 16 << 20}

const smallOnes = 9 // of sizes

// variants is the number of documents of each small size. Several of them make
// another request's response visible.
const variants = 10

// content returns the expected content of a document.
func content(size, variant int) []byte {
	word := fmt.Sprintf("%d of %d bytes; ", variant, size)
	return []byte(strings.Repeat(word, size/len(word)+1)[:size])
}

// document is a requested document.
type document struct {
	size, variant int
	chunked       bool
}

// path returns its path. Documents below /chunked/ come from the backend, in
// chunks.
func (d document) path() string {
	if d.chunked {
		return fmt.Sprintf("/chunked/%d/%d", d.size, d.variant)
	}
	return fmt.Sprintf("/%d-%d", d.size, d.variant)
}

// documentOf returns the document that request number n asks for.
func documentOf(number int) document {
	d := document{chunked: number%4 == 1, variant: number % variants}
	switch {
	case number%5000 == 1, number%5000 == 2500:
		d.size = sizes[len(sizes)-1]
	case number%1000 == 5, number%1000 == 500:
		d.size = sizes[len(sizes)-2]
	case number%100 == 9, number%100 == 50:
		d.size = sizes[smallOnes+number/100%3]
	default:
		d.size = sizes[number/variants%smallOnes]
	}
	if d.size > sizes[smallOnes-1] {
		d.variant = 0
	}
	return d
}

// library holds the contents that a test compares with.
type library map[[2]int][]byte

// newLibrary makes all contents and writes them to files in a folder.
func newLibrary(t *testing.T, folder string) library {
	all := make(library)
	for i, size := range sizes {
		for variant := range variants {
			if i >= smallOnes && variant > 0 {
				break
			}
			text := content(size, variant)
			all[[2]int{size, variant}] = text
			file := filepath.Join(folder, document{size: size, variant: variant}.path())
			require.NoError(t, os.WriteFile(file, text, 0o644))
		}
	}
	return all
}

// serve starts the Go server. It is the backend of the others, and one of the
// tested servers.
func (l library) serve(folder string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(folder)))
	mux.HandleFunc("/chunked/{size}/{variant}", func(writer http.ResponseWriter, request *http.Request) {
		size, _ := strconv.Atoi(request.PathValue("size"))
		variant, _ := strconv.Atoi(request.PathValue("variant"))
		text := l[[2]int{size, variant}]
		writer.Header().Set("Content-Type", "application/octet-stream")
		_ = http.NewResponseController(writer).Flush() // removes the known length
		_, _ = writer.Write(text)
	})
	return mux
}

// check compares a response with the requested document.
func (l library) check(d document, response *http.Response) error {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: after %d bytes: %w", d.path(), len(text), err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %.80q", d.path(), response.Status, text)
	case !bytes.Equal(text, l[[2]int{d.size, d.variant}]):
		return fmt.Errorf("%s was answered with %d bytes: %.40q", d.path(), len(text), text)
	case !d.chunked && response.ContentLength != int64(d.size):
		return fmt.Errorf("%s: ContentLength is %d", d.path(), response.ContentLength)
	}
	return nil
}
