package openssl

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// Message is a TLS message that went over a connection: one of a handshake,
// one that came after it, or an alert.
type Message struct {
	// Time at which the origin wrote or read it.
	Time time.Time
	// Sent is true if the origin sent it, false if the client did.
	Sent bool
	// Name is the name in RFC 5246 and RFC 8446, "HelloRequest". For an alert
	// it is the word alert and the description, "alert: close notify".
	Name string
	// Alert is true for an alert, and Description is its number then.
	Alert       bool
	Description tls.AlertError
}

// Names of the messages that the origin is made to send, and of those that a
// client answers with.
const (
	HelloRequest     = "HelloRequest"
	ClientHello      = "ClientHello"
	NewSessionTicket = "NewSessionTicket"
	Finished         = "Finished"
	KeyUpdate        = "KeyUpdate"
)

// contentAlert is the content type of an alert; the engine reports no other
// other than handshake messages.
const contentAlert = 21

// handshakeNames are the names of handshake messages by type.
var handshakeNames = map[byte]string{
	0:  HelloRequest,
	1:  ClientHello,
	2:  "ServerHello",
	4:  NewSessionTicket,
	8:  "EncryptedExtensions",
	11: "Certificate",
	12: "ServerKeyExchange",
	13: "CertificateRequest",
	14: "ServerHelloDone",
	15: "CertificateVerify",
	16: "ClientKeyExchange",
	20: Finished,
	22: "CertificateStatus",
	24: KeyUpdate,
}

// newMessage makes a message from its four bytes, as in engine/frame.h.
func newMessage(told [4]byte) Message {
	m := Message{Time: time.Now(), Sent: told[0] != 0}
	if told[1] == contentAlert {
		m.Alert, m.Description = true, tls.AlertError(told[3])
		m.Name = "alert: " + strings.TrimPrefix(m.Description.Error(), "tls: ")
		return m
	}
	var known bool
	if m.Name, known = handshakeNames[told[2]]; !known {
		m.Name = fmt.Sprintf("handshake message %d", told[2])
	}
	return m
}
