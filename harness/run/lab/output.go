package lab

import (
	"bytes"
	"errors"
)

// mostOutput limits what a subject may print to each stream, in bytes. The
// report of a thousand requests is a fiftieth of it.
const mostOutput = 16 << 20

var errTooMuch = errors.New("the subject printed more than 16 MB")

// output collects a subject's output. A write beyond mostOutput fails, which
// ends the copying, and the subject gets a broken pipe.
type output struct {
	text bytes.Buffer
	full bool // a write was refused
}

func (o *output) Write(p []byte) (int, error) {
	if o.full = o.full || o.text.Len()+len(p) > mostOutput; o.full {
		return 0, errTooMuch
	}
	return o.text.Write(p)
}
