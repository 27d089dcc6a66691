// Package origin is the server of the laboratory. It misbehaves on demand and
// writes down what it saw.
//
// In a run it stands opposite the subject: the lab starts it with the origin
// half of a scenario, the subject sends its requests, and afterwards the judge
// reads the [Log]. It speaks HTTP/1.1 over TLS or plain TCP on a connection
// that it controls byte by byte, and it never sleeps: where it has to wait for
// the client it watches the client.
package origin
