package fleet

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/curlpipe/curlpipe/harness/show/style"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Page makes an HTML page of the runs, which needs no network and nothing
// beside it.
func Page(w io.Writer, results []*Result) error { return execute(w, "page", results) }

// Section makes the part of an HTML page that shows the runs: in words, in the
// picture and in the table.
func Section(w io.Writer, results []*Result) error { return execute(w, "section", results) }

func execute(w io.Writer, name string, results []*Result) error {
	var picture strings.Builder
	if err := Picture(&picture, results); err != nil {
		return err
	}
	lines := linesOf(results)
	return pageTemplate.ExecuteTemplate(w, name, struct {
		Style   template.CSS
		Picture template.HTML // our own, its text is escaped
		Says    string
		Heads   []line
		Lines   []line
	}{template.CSS(style.Page()), template.HTML(picture.String()), describe(results), lines[:heads], lines[heads:]})
}
