package curlpipe

import "sync/atomic"

// ownEnd is the error with which a connection of the caller's has ended on the caller's
// side.
type ownEnd struct{ first atomic.Pointer[error] }

// end notes the error, unless there is one already: others follow from it.
func (e *ownEnd) end(err error) { e.first.CompareAndSwap(nil, &err) }

// failure returns the error; nil if there is none, or the connection is not the
// caller's.
func (e *ownEnd) failure() error {
	if e == nil {
		return nil
	}
	if err := e.first.Load(); err != nil {
		return *err
	}
	return nil
}
