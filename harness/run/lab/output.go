package lab

import (
	"bytes"
	"errors"
)

// mostOutput bounds what a subject may print to one of its streams, in bytes.
// The report of a thousand requests takes a fiftieth of it.
const mostOutput = 16 << 20

var errTooMuch = errors.New("the subject printed more than 16 MB")

// output gathers what a subject prints. A write that goes beyond mostOutput is
// refused, which ends the copying and leaves the subject with a broken pipe.
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
