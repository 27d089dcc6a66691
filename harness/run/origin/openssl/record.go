package openssl

import (
	"encoding/binary"
	"io"
)

const (
	// recordHeader is the size of a record's header: content type, version
	// and length.
	recordHeader = 5
	// maxRecord is the longest content of a record that TLS 1.2 allows, which
	// is more than TLS 1.3 does.
	maxRecord = 16<<10 + 2048
)

// recordReader reads whole TLS records and nothing beyond them. It keeps the
// beginning of a record when a read fails.
type recordReader struct {
	buffer [recordHeader + maxRecord]byte
	filled int
}

// read returns the next record, which is valid until the next call. It returns
// an invalid header alone, because OpenSSL describes best what is wrong with
// it.
func (r *recordReader) read(from io.Reader) ([]byte, error) {
	for {
		want := recordHeader
		if r.filled >= recordHeader {
			want = r.size()
		}
		if r.filled == want {
			r.filled = 0
			return r.buffer[:want], nil
		}
		n, err := from.Read(r.buffer[r.filled:want])
		r.filled += n
		if n > 0 {
			continue // an error occurs again with the next read
		}
		if err == io.EOF && r.filled > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
}

// size returns the size of the record whose header has arrived.
func (r *recordReader) size() int {
	content, major := r.buffer[0], r.buffer[1]
	length := int(binary.BigEndian.Uint16(r.buffer[3:]))
	if content < 20 || content > 23 || major != 3 || length > maxRecord {
		return recordHeader
	}
	return recordHeader + length
}
