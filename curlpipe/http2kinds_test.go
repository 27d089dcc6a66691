package curlpipe

import (
	"fmt"
	"strings"
)

// http2Kind is a way in which a server violates HTTP/2 while other requests
// have partial responses.
type http2Kind struct {
	name string
	// say answers the bad request, whose stream is open and has got nothing.
	// others are the streams of innocent requests, lowest first: the first two
	// have got half of their responses, the last one nothing.
	say func(c *rawHTTP2, stream uint32, others []uint32)
	// unharmed, if true, means that the violation affects only the bad
	// request's stream.
	unharmed bool
	// silent, if true, means that nothing is sent after it, not even to the
	// innocent requests.
	silent bool
	// alone, if true, means that net/http is not tested: it does not recover.
	alone bool
}

// http2Kinds returns more than 120 kinds.
func http2Kinds() (kinds []http2Kind) {
	add := func(name string, say func(c *rawHTTP2, stream uint32, others []uint32)) *http2Kind {
		kinds = append(kinds, http2Kind{name: name, say: say})
		return &kinds[len(kinds)-1]
	}
	addFrames(add)
	addResets(add)
	addGoAways(add)
	addLengths(add)
	addFields(add)
	addEnds(add)
	return kinds
}

type addKind func(name string, say func(c *rawHTTP2, stream uint32, others []uint32)) *http2Kind

// addFrames adds each type of frame on each stream, allowed there or not.
func addFrames(add addKind) {
	types := map[byte]struct {
		name    string
		payload []byte
	}{
		frameData:         {"DATA", []byte("?")},
		frameHeaders:      {"HEADERS", fieldBlock("x", "y")},
		framePriority:     {"PRIORITY", make([]byte, 5)},
		frameReset:        {"RST_STREAM", code(codeCancel)},
		frameSettings:     {"SETTINGS", nil},
		framePushPromise:  {"PUSH_PROMISE", append(code(2), fieldBlock(":method", "GET", ":path", "/", ":scheme", "https", ":authority", "a")...)},
		framePing:         {"PING", make([]byte, 8)},
		frameGoAway:       {"GOAWAY", make([]byte, 8)},
		frameWindowUpdate: {"WINDOW_UPDATE", code(1)},
		frameContinuation: {"CONTINUATION", fieldBlock("x", "y")},
		frameUnknown:      {"unknown", []byte("?")},
	}
	for kind, of := range types {
		for place, where := range map[string]func(stream uint32, others []uint32) uint32{
			"the connection":     func(uint32, []uint32) uint32 { return 0 },
			"its stream":         func(stream uint32, _ []uint32) uint32 { return stream },
			"an idle stream":     func(stream uint32, _ []uint32) uint32 { return stream + 100 },
			"a server's stream":  func(uint32, []uint32) uint32 { return 2 },
			"an ended stream":    func(uint32, []uint32) uint32 { return 1 },
			"an innocent stream": func(_ uint32, others []uint32) uint32 { return others[2] },
		} {
			add(of.name+" on "+place, func(c *rawHTTP2, stream uint32, others []uint32) {
				c.frame(kind, flagEndHeaders, where(stream, others), of.payload...)
			})
		}
	}
}

// addResets adds RST_STREAM with each error code, at each stage of a response.
func addResets(add addKind) {
	for errorCode := range uint32(lastCode + 1) {
		for _, after := range []string{"nothing", "headers", "half"} {
			add(fmt.Sprintf("RST_STREAM %#x after %s", errorCode, after), func(c *rawHTTP2, stream uint32, _ []uint32) {
				if c.number > 0 {
					c.good(stream)
					return
				}
				if after != "nothing" {
					c.headers(stream, 0, ":status", "200")
				}
				if after == "half" {
					c.data(stream, 0, "half")
				}
				c.frame(frameReset, 0, stream, code(errorCode)...)
			}).unharmed = true
		}
	}
}

// addGoAways adds GOAWAY that excludes some, all or none of the requests.
func addGoAways(add addKind) {
	for _, errorCode := range []uint32{codeNone, 0x1, 0xb} {
		add(fmt.Sprintf("GOAWAY %#x before it", errorCode), func(c *rawHTTP2, stream uint32, _ []uint32) {
			c.goAway(stream-2, errorCode)
		}).unharmed = true
		add(fmt.Sprintf("GOAWAY %#x after it", errorCode), func(c *rawHTTP2, stream uint32, _ []uint32) {
			c.goAway(stream, errorCode)
			c.good(stream)
		}).unharmed = true
		add(fmt.Sprintf("GOAWAY %#x of all", errorCode), func(c *rawHTTP2, _ uint32, _ []uint32) {
			c.goAway(0, errorCode)
		})
	}
}

// addLengths adds frames with an impossible length or impossible values.
func addLengths(add addKind) {
	bytes := func(name string, of func(stream uint32) []byte) *http2Kind {
		return add(name, func(c *rawHTTP2, stream uint32, _ []uint32) { c.raw(of(stream)) })
	}
	frame := func(name string, kind, flags byte, onStream bool, payload ...byte) *http2Kind {
		return bytes(name, func(stream uint32) []byte {
			if !onStream {
				stream = 0
			}
			return append(frameHead(len(payload), kind, flags, stream), payload...)
		})
	}
	setting := func(id uint16, value uint32) []byte { return append([]byte{byte(id >> 8), byte(id)}, code(value)...) }

	frame("SETTINGS of 5 bytes", frameSettings, 0, false, make([]byte, 5)...)
	frame("SETTINGS ACK with settings", frameSettings, flagAck, false, setting(1, 1)...)
	frame("SETTINGS ACK that nobody waits for", frameSettings, flagAck, false)
	frame("ENABLE_PUSH 2", frameSettings, 0, false, setting(2, 2)...)
	frame("INITIAL_WINDOW_SIZE 2^31", frameSettings, 0, false, setting(4, 1<<31)...)
	frame("MAX_FRAME_SIZE 1", frameSettings, 0, false, setting(5, 1)...)
	frame("HEADER_TABLE_SIZE 0", frameSettings, 0, false, setting(1, 0)...)
	frame("MAX_CONCURRENT_STREAMS 1", frameSettings, 0, false, setting(3, 1)...)
	frame("PING of 7 bytes", framePing, 0, false, make([]byte, 7)...)
	frame("PING ACK that nobody waits for", framePing, flagAck, false, make([]byte, 8)...)
	frame("WINDOW_UPDATE of 0", frameWindowUpdate, 0, false, code(0)...)
	frame("WINDOW_UPDATE of 0 on its stream", frameWindowUpdate, 0, true, code(0)...)
	frame("WINDOW_UPDATE of 3 bytes", frameWindowUpdate, 0, false, make([]byte, 3)...)
	frame("window overflow", frameWindowUpdate, 0, false, code(1<<31-1)...)
	frame("window overflow of its stream", frameWindowUpdate, 0, true, code(1<<31-1)...).alone = true // Go 1.26 deadlocks
	frame("RST_STREAM of 3 bytes", frameReset, 0, true, make([]byte, 3)...)
	frame("PRIORITY of 4 bytes", framePriority, 0, true, make([]byte, 4)...)
	frame("GOAWAY of 7 bytes", frameGoAway, 0, false, make([]byte, 7)...)
	frame("HEADERS with more padding than bytes", frameHeaders, flagEndHeaders|flagPadded, true, 200, 0)
	frame("DATA with more padding than bytes", frameData, flagPadded, true, 200, 0)
	frame("HEADERS without END_HEADERS, then silence", frameHeaders, 0, true, fieldBlock(":status", "200")...).silent = true
	bytes("HEADERS, then PING instead of CONTINUATION", func(stream uint32) []byte {
		block := fieldBlock(":status", "200")
		start := append(frameHead(len(block), frameHeaders, 0, stream), block...)
		return append(start, append(frameHead(8, framePing, 0, 0), make([]byte, 8)...)...)
	})
	bytes("a frame of 16385 bytes", func(stream uint32) []byte {
		return append(frameHead(16385, frameData, 0, stream), make([]byte, 16385)...)
	})
	bytes("a frame of 2^24-1 bytes", func(stream uint32) []byte { return frameHead(1<<24-1, frameData, 0, stream) })
	bytes("HTTP/1.1 in the middle", func(uint32) []byte {
		return []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	})
}

// addFields adds invalid header sections.
func addFields(add addKind) {
	block := func(name string, block ...byte) *http2Kind {
		return add("HPACK: "+name, func(c *rawHTTP2, stream uint32, _ []uint32) {
			c.frame(frameHeaders, flagEndHeaders|flagEndStream, stream, block...)
		})
	}
	block("index 0", 0x80)
	block("index out of the table", 0xff, 0x80, 0x08)
	block("a truncated literal", 0x00, 0x05, 'a')
	block("a table larger than allowed", 0x3f, 0xe1, 0xff, 0x7f)
	block("an integer without end", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	block("Huffman padding of zeros", 0x00, 0x81, 0x00, 0x01, 'a')

	fields := func(name string, flags byte, fields ...string) *http2Kind {
		kind := add("fields: "+name, func(c *rawHTTP2, stream uint32, _ []uint32) {
			c.headers(stream, flags, fields...)
			if flags&flagEndStream == 0 {
				c.data(stream, flagEndStream, "12345")
			}
		})
		kind.unharmed = true
		return kind
	}
	fields("none", flagEndStream)
	fields("no :status", flagEndStream, "a", "b")
	fields("two :status", flagEndStream, ":status", "200", ":status", "200")
	fields(":status abc", flagEndStream, ":status", "abc")
	fields(":status 99", flagEndStream, ":status", "99")
	fields(":status 2000", flagEndStream, ":status", "2000")
	fields(":path", flagEndStream, ":status", "200", ":path", "/")
	fields(":status after a field", flagEndStream, "a", "b", ":status", "200")
	fields("an upper-case name", flagEndStream, ":status", "200", "Name", "x")
	fields("an empty name", flagEndStream, ":status", "200", "", "x")
	fields("a space in a name", flagEndStream, ":status", "200", "a b", "x")
	fields("NUL in a value", flagEndStream, ":status", "200", "a", "x\x00y")
	fields("CRLF in a value", flagEndStream, ":status", "200", "a", "x\r\ny: z")
	fields("connection", flagEndStream, ":status", "200", "connection", "close")
	fields("transfer-encoding", 0, ":status", "200", "transfer-encoding", "chunked")
	fields("content-length too small", 0, ":status", "200", "content-length", "4")
	fields("content-length too large", 0, ":status", "200", "content-length", "6")
	fields("content-length +5", 0, ":status", "200", "content-length", "+5")
	fields("two content-lengths", 0, ":status", "200", "content-length", "5", "content-length", "6")
	fields("a body of 204", 0, ":status", "204")
	fields("an interim response that ends the stream", flagEndStream, ":status", "103")
	fields("101", 0, ":status", "101")
	fields("a field of 17 kB", flagEndStream, ":status", "200", "a", strings.Repeat("x", 16_000), "b", strings.Repeat("y", 300))

	add("fields: 20,000 interim responses", func(c *rawHTTP2, stream uint32, _ []uint32) {
		interim := fieldBlock(":status", "103")
		frame := append(frameHead(len(interim), frameHeaders, flagEndHeaders, stream), interim...)
		for range 200 {
			c.raw([]byte(strings.Repeat(string(frame), 100)))
		}
	}) // later nghttp2 releases end the connection after such a flood
	add("fields: 70 kB in CONTINUATIONs", func(c *rawHTTP2, stream uint32, _ []uint32) {
		c.frame(frameHeaders, flagEndStream, stream, fieldBlock(":status", "200")...)
		for i := range 5 {
			c.frame(frameContinuation, flagEndHeaders*byte(i/4), stream, fieldBlock("a", strings.Repeat("x", 14_000))...)
		}
	})
	add("DATA before HEADERS", func(c *rawHTTP2, stream uint32, _ []uint32) {
		c.data(stream, 0, "early")
	})
	add("DATA after the end", func(c *rawHTTP2, stream uint32, _ []uint32) {
		c.good(stream)
		c.data(stream, 0, "late")
	})
	add("HEADERS after the end", func(c *rawHTTP2, stream uint32, _ []uint32) {
		c.good(stream)
		c.headers(stream, flagEndStream, ":status", "200")
	})
	add("trailers that do not end the stream", func(c *rawHTTP2, stream uint32, _ []uint32) {
		c.begin(stream, false)
		c.headers(stream, 0, "trailer", "x")
		c.finish(stream)
	}).unharmed = true
	add("a trailer section with :status", func(c *rawHTTP2, stream uint32, _ []uint32) {
		c.begin(stream, false)
		c.headers(stream, flagEndStream, ":status", "200")
	}).unharmed = true
}

// addEnds adds ends of the connection, and floods.
func addEnds(add addKind) {
	end := func(name string, how func(c *rawHTTP2, stream uint32)) {
		add(name, func(c *rawHTTP2, stream uint32, _ []uint32) { how(c, stream) }).silent = true
	}
	end("close_notify, TCP open", func(c *rawHTTP2, _ uint32) { _ = c.CloseWrite() })
	end("TCP FIN", func(c *rawHTTP2, _ uint32) { _ = c.tcp.CloseWrite() })
	end("TCP RST", func(c *rawHTTP2, _ uint32) { _ = c.tcp.SetLinger(0); _ = c.tcp.Close() })
	end("close", func(c *rawHTTP2, _ uint32) { _ = c.Close() })
	end("close within the head of a frame", func(c *rawHTTP2, stream uint32) {
		c.raw(frameHead(100, frameHeaders, flagEndHeaders, stream)[:5])
		_ = c.Close()
	})
	end("close within a frame", func(c *rawHTTP2, stream uint32) {
		c.raw(append(frameHead(100, frameData, 0, stream), "half"...))
		_ = c.Close()
	})
	end("GOAWAY of none, then close", func(c *rawHTTP2, stream uint32) {
		c.goAway(stream, codeNone)
		_ = c.Close()
	})
	end("bytes that are no TLS record", func(c *rawHTTP2, _ uint32) { _, _ = c.tcp.Write([]byte("this is no TLS record")) })

	flood := func(name string, kind, flags byte, onStream bool, payload ...byte) {
		add("2,000 "+name, func(c *rawHTTP2, stream uint32, _ []uint32) {
			if !onStream {
				stream = 0
			}
			frame := string(append(frameHead(len(payload), kind, flags, stream), payload...))
			for range 20 {
				c.raw([]byte(strings.Repeat(frame, 100)))
			}
			c.good(max(stream, 1))
		})
	}
	flood("PINGs", framePing, 0, false, make([]byte, 8)...)
	flood("SETTINGS", frameSettings, 0, false)
	flood("empty DATA frames", frameData, 0, true)
	flood("unknown frames", frameUnknown, 0, false, 0)
	flood("WINDOW_UPDATEs", frameWindowUpdate, 0, false, code(1)...)
	flood("RST_STREAMs of an ended stream", frameReset, 0, false, code(codeCancel)...)
}
