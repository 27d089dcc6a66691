package curlpipe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// Values of CURLINFO that go-curl does not name (curl.h).
const (
	infoPrimaryIP      = 0x100000 + 32
	infoAppConnectTime = 0x300000 + 33
	infoPrimaryPort    = 0x200000 + 40
	infoLocalIP        = 0x100000 + 41
	infoLocalPort      = 0x200000 + 42
	infoOSErrno        = 0x200000 + 25
)

// trace tells an httptrace.ClientTrace what happened to a request. libcurl says
// so only afterwards: the hooks run one after the other when the response's
// header section is there, or the request has failed. A nil trace tells nobody.
type trace struct {
	hooks *httptrace.ClientTrace

	// Set by the engine.
	known     bool
	connected bool // for this request
	secured   bool // a TLS handshake was made for it
	answered  bool
	retries   int
	link      link
}

func newTrace(ctx context.Context) *trace {
	hooks := httptrace.ContextClientTrace(ctx)
	if hooks == nil {
		return nil
	}
	return &trace{hooks: hooks}
}

// begin is the request's setting out.
func (t *trace) begin(request *http.Request) {
	if t == nil || t.hooks.GetConn == nil {
		return
	}
	host := request.URL.Host
	if request.URL.Port() == "" {
		host = net.JoinHostPort(request.URL.Hostname(), portOf(request.URL.Scheme))
	}
	t.hooks.GetConn(host)
}

// learn asks the handle about the connection, once. It is the engine's.
func (t *trace) learn(c *call, result *cshim.Result) {
	if t == nil || t.known {
		return
	}
	t.known = true
	t.answered = result.HeaderLength > 0
	t.retries = c.attempts - 1
	h := c.handle
	t.connected = h.number(curl.INFO_NUM_CONNECTS) > 0
	t.secured = h.seconds(infoAppConnectTime) > 0
	t.link = link{
		local:  address(h.text(infoLocalIP), h.number(infoLocalPort)),
		remote: address(h.text(infoPrimaryIP), h.number(infoPrimaryPort)),
	}
}

// report runs the hooks, in the goroutine of the caller.
func (t *trace) report(c *call) {
	if t == nil || !t.known || t.link.remote == nil {
		return
	}
	for range t.retries { // as net/http: each attempt has a connection, and a write that came to nothing
		t.gotConn(true)
		t.wroteRequest(errSentAgain)
	}
	if t.connected {
		t.reportConnect()
	}
	t.gotConn(!t.connected)
	if !t.answered {
		t.wroteRequest(c.err)
		return
	}
	if hook := t.hooks.WroteHeaders; hook != nil {
		hook()
	}
	t.wroteRequest(nil)
	if hook := t.hooks.GotFirstResponseByte; hook != nil {
		hook()
	}
}

// errSentAgain is what WroteRequest gets for an attempt whose connection ended.
var errSentAgain = errors.New("curlpipe: the connection ended before the response; the request was sent again")

func (t *trace) gotConn(reused bool) {
	if hook := t.hooks.GotConn; hook != nil {
		hook(httptrace.GotConnInfo{Conn: &t.link, Reused: reused})
	}
}

func (t *trace) wroteRequest(err error) {
	if hook := t.hooks.WroteRequest; hook != nil {
		hook(httptrace.WroteRequestInfo{Err: err})
	}
}

func (t *trace) reportConnect() {
	network, address := t.link.remote.Network(), t.link.remote.String()
	if hook := t.hooks.ConnectStart; hook != nil {
		hook(network, address)
	}
	if hook := t.hooks.ConnectDone; hook != nil {
		hook(network, address, nil)
	}
	if !t.secured {
		return
	}
	if hook := t.hooks.TLSHandshakeStart; hook != nil {
		hook()
	}
	if hook := t.hooks.TLSHandshakeDone; hook != nil {
		hook(tls.ConnectionState{HandshakeComplete: true}, nil)
	}
}

func portOf(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// address is what libcurl knows of one end of a connection; nil: nothing.
func address(ip string, port int) net.Addr {
	if parsed := net.ParseIP(ip); parsed != nil {
		return &net.TCPAddr{IP: parsed, Port: port}
	}
	if ip == "" {
		return nil
	}
	return &net.UnixAddr{Name: ip, Net: "unix"}
}

func (h *handle) number(info curl.CurlInfo) int {
	value, _ := h.easy.Getinfo(info)
	number, _ := value.(int)
	return number
}

func (h *handle) seconds(info curl.CurlInfo) float64 {
	value, _ := h.easy.Getinfo(info)
	seconds, _ := value.(float64)
	return seconds
}

func (h *handle) text(info curl.CurlInfo) string {
	value, _ := h.easy.Getinfo(info)
	text, _ := value.(string)
	return text
}

// link stands for libcurl's connection in httptrace.GotConnInfo: it has its
// addresses and can do nothing.
type link struct{ local, remote net.Addr }

var errNotYours = errors.New("curlpipe: the connection is libcurl's: it can neither be read, written nor closed here")

func (*link) Read([]byte) (int, error)         { return 0, errNotYours }
func (*link) Write([]byte) (int, error)        { return 0, errNotYours }
func (*link) Close() error                     { return errNotYours }
func (l *link) LocalAddr() net.Addr            { return l.local }
func (l *link) RemoteAddr() net.Addr           { return l.remote }
func (*link) SetDeadline(time.Time) error      { return errNotYours }
func (*link) SetReadDeadline(time.Time) error  { return errNotYours }
func (*link) SetWriteDeadline(time.Time) error { return errNotYours }
