package fleet

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/curlpipe/curlpipe/harness/show/style"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Page makes a self-contained HTML page of the runs.
func Page(w io.Writer, results []*Result) error { return write(w, "page", results) }

// Section makes the part of an HTML page that shows the runs: in words, as a
// picture and as a table.
func Section(w io.Writer, results []*Result) error { return write(w, "section", results) }

func write(w io.Writer, name string, results []*Result) error {
	var picture strings.Builder
	if err := Picture(&picture, results); err != nil {
		return err
	}
	lines := linesOf(results)
	return style.WritePage(w, "the page of a fleet", pageTemplate.Lookup(name), struct {
		Style   template.CSS
		Picture template.HTML // made by this package, which has escaped its text
		Says    string
		Judged  []judged
		Heads   []line
		Lines   []line
	}{template.CSS(style.Page()), template.HTML(picture.String()), describe(results), judge(results), lines[:heads], lines[heads:]})
}

// judged is a result with its verdict.
type judged struct {
	Run, Says string
	Class     string // as a verdict
}

func judge(results []*Result) []judged {
	var list []judged
	for _, r := range results {
		one := judged{Run: r.label(), Says: fmt.Sprintf("%d connections for %d clients, %d of %d requests answered",
			r.Connections, r.Clients, r.Answered, r.AllRequests()), Class: "pass"}
		switch err := r.Judge(); {
		case err != nil:
			one.Says, one.Class = strings.TrimPrefix(err.Error(), r.label()+": "), "fail"
			if strings.HasPrefix(one.Says, "inconclusive") {
				one.Class = "other"
			}
		case !r.kept():
			one.Class = "fail"
		}
		list = append(list, one)
	}
	return list
}
