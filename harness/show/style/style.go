// Package style has the colours and CSS rules of pages and pictures.
package style

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/curlpipe/curlpipe/harness/run/judge"
)

//go:embed page.css
var page string

// Page is the style sheet that every page begins with.
func Page() string { return Palette(":root") + page }

// WritePage makes a page of a template and its data. It writes the whole page, or
// nothing if the template fails. Name is what its errors call the page.
func WritePage(w io.Writer, name string, t *template.Template, data any) error {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return fmt.Errorf("making %s: %w", name, err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// RoundStep returns a round distance between the ticks of an axis, 1, 2 or 5
// times a power of ten, that is at least the given one.
func RoundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(least, 1))))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= least {
			return factor * power
		}
	}
	return 10 * power
}

// Class is the class of a verdict in the style sheet: pass, fail or other.
func Class(v judge.Verdict) string {
	if v == judge.Pass || v == judge.Fail {
		return string(v)
	}
	return "other"
}
