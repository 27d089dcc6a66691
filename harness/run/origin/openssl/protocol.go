package openssl

import (
	"encoding/binary"
	"fmt"
	"io"
)

// headerSize is the size of a frame's header: type, connection and length.
// engine/frame.h explains frames.
const headerSize = 9

// maxAnswer is the longest content of a frame that the engine sends, in bytes.
const maxAnswer = 128 << 10

// recordSize is how many plain bytes fit into one TLS record.
const recordSize = 16 << 10

// Commands and answers; engine/frame.h has the same table.
const (
	commandIdentity    = 'i'
	commandOpen        = 'n'
	commandReceived    = 'r'
	commandWrite       = 'w'
	commandRenegotiate = 'g'
	commandKeyUpdate   = 'k'
	commandTicket      = 't'
	commandCloseNotify = 's'
	commandFree        = 'f'

	answerSend    = 'o'
	answerPlain   = 'p'
	answerMessage = 'm'
	answerSecret  = 'l'
	answerDone    = 'd'
)

// Statuses and flags of answerDone.
const (
	statusOK      = 0
	statusFailed  = 1
	statusRefused = 2

	flagEstablished   = 1
	flagRenegotiating = 2
	flagCloseNotify   = 4
)

// answer is the engine's answer to a command.
type answer struct {
	send     []byte // for the client
	plain    []byte // from the client
	messages []Message
	secrets  []byte // lines of SSLKEYLOGFILE
	status   byte
	flags    byte
	text     string // why the status is not statusOK
}

// writeCommand sends a command in one write.
func writeCommand(w io.Writer, connection uint32, command byte, content []byte) error {
	frame := make([]byte, headerSize, headerSize+len(content))
	frame[0] = command
	binary.BigEndian.PutUint32(frame[1:], connection)
	binary.BigEndian.PutUint32(frame[5:], uint32(len(content)))
	_, err := w.Write(append(frame, content...))
	return err
}

// readAnswer reads all frames up to answerDone.
func readAnswer(r io.Reader) (*answer, error) {
	a := &answer{}
	for {
		var header [headerSize]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return nil, err
		}
		length := binary.BigEndian.Uint32(header[5:])
		if length > maxAnswer {
			return nil, fmt.Errorf("it answers with a frame of %d bytes", length)
		}
		content := make([]byte, length)
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, err
		}
		switch kind := header[0]; {
		case kind == answerSend:
			a.send = append(a.send, content...)
		case kind == answerPlain:
			a.plain = append(a.plain, content...)
		case kind == answerMessage && length == 4:
			a.messages = append(a.messages, newMessage([4]byte(content)))
		case kind == answerSecret:
			a.secrets = append(append(a.secrets, content...), '\n')
		case kind == answerDone && length >= 2:
			a.status, a.flags, a.text = content[0], content[1], string(content[2:])
			return a, nil
		default:
			return nil, fmt.Errorf("it answers with a frame %q of %d bytes", kind, length)
		}
	}
}
