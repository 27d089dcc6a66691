// Package openssl is the origin's second TLS implementation. It uses OpenSSL for
// actions that Go's crypto/tls does not support in a server: renegotiation,
// KeyUpdate, and a NewSessionTicket long after the handshake.
//
// It stands between the origin and its sockets, where crypto/tls stands
// otherwise, and behaves like it: a [Stream] reads from its socket only when
// the origin reads, one TLS record at a time, so that an origin that stops
// reading makes the client's writes block, and what the client does to the
// socket comes out as the same errors. OpenSSL itself runs in a process of its
// own, the program in the folder engine, that never sees a socket: an [Engine]
// gives it what came from the client and gets back what that means.
package openssl
