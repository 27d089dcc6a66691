package cshim

/*
#include "cshim.h"
#cgo nocallback cshim_loop_handshake
#cgo nocallback cshim_loop_end_of
*/
import "C"

import "unsafe"

// Handshake describes the TLS handshake of a connection.
type Handshake struct {
	Done     bool   // the fields up to Protocol were agreed on
	Resumed  bool   // the session of an earlier connection was resumed
	Version  uint16 // as in crypto/tls
	Cipher   uint16 // the suite's number, as in crypto/tls
	Protocol string // agreed on with ALPN [RFC 7301]; empty: none

	Certificates [][]byte // the certificates that the server sent, in DER, its own first
	Chain        [][]byte // the chain that was verified, or only the certificate that was refused
	Staple       []byte   // OCSP response; nil: none

	Refusal int    // OpenSSL's X509_V_ERR_*, why it refuses the certificate, even if that is ignored; 0: it accepts it
	Alert   int    // the last alert from the server except close_notify [RFC 8446 §6]; -1: none
	Record  []byte // header of the first record from the server; nil: none has arrived
}

// Handshake returns what is known of a connection's TLS handshake; nil without
// TLS or OpenSSL. It also works for a connection whose end the last Run has
// reported.
func (l *Loop) Handshake(connection Connection) *Handshake {
	if l.handle == nil {
		return nil
	}
	told := C.cshim_loop_handshake(l.handle, C.uint32_t(connection))
	if told == nil {
		return nil
	}
	h := &Handshake{
		Done:         bool(told.done),
		Resumed:      bool(told.resumed),
		Version:      uint16(told.version),
		Cipher:       uint16(told.cipher),
		Protocol:     C.GoString(&told.protocol[0]),
		Certificates: certificates(view(told.certificates, told.certificates_length)),
		Chain:        certificates(view(told.chain, told.chain_length)),
		Refusal:      int(told.refusal),
		Alert:        int(told.alert),
	}
	if told.staple_length > 0 {
		h.Staple = C.GoBytes(unsafe.Pointer(told.staple), C.int(told.staple_length))
	}
	if told.has_record {
		h.Record = C.GoBytes(unsafe.Pointer(&told.record[0]), C.int(len(told.record)))
	}
	return h
}

// certificates splits a list in which each certificate follows its length in
// four octets.
func certificates(list []byte) [][]byte {
	var all [][]byte
	for len(list) >= 4 {
		length := int(list[0])<<24 | int(list[1])<<16 | int(list[2])<<8 | int(list[3])
		all = append(all, append([]byte(nil), list[4:4+length]...))
		list = list[4+length:]
	}
	return all
}

// End is how a connection ended.
type End int

// The ends of a connection.
const (
	Open           End = C.CSHIM_COUNTERS         // it has not ended
	ClosedByClient End = C.CSHIM_CLOSED_BY_CLIENT // the client closed first
	ClosedByServer End = C.CSHIM_CLOSED_BY_SERVER // the server closed first
	ResetByServer  End = C.CSHIM_RESET_BY_SERVER  // a RST arrived, or the network failed
)

// EndOf returns how a connection ended. It also works for a connection whose
// end the last Run has reported.
func (l *Loop) EndOf(connection Connection) End {
	if l.handle == nil {
		return ClosedByClient
	}
	return End(C.cshim_loop_end_of(l.handle, C.uint32_t(connection)))
}
