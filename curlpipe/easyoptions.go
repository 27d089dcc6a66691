package curlpipe

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// Options and values of libcurl that go-curl does not name (curl.h), and the
// releases that they came with where that is later than 7.30.0.
const (
	optKeyPassword      = 10026
	optProtocols        = 181
	optRedirProtocols   = 182
	optTCPKeepAlive     = 213
	optTCPKeepIdle      = 214
	optTCPKeepInterval  = 215
	optPathAsIs         = 234
	optPinnedPublicKey  = 10230
	optPipeWait         = 237
	optTLS13Ciphers     = 10276
	httpVersion2TLS     = 4
	optExpectTimeout    = 227
	firstExpectTimeout  = 0x72400                // 7.36.0
	firstPathAsIs       = 0x72a00                // 7.42.0
	firstPipeWait       = 0x72b00                // 7.43.0
	firstTLS13Ciphers   = 0x73d00                // 7.61.0
	firstPinnedKey      = 0x72700                // 7.39.0
	firstConnectTo      = 0x73100                // 7.49.0
	firstRequestTarget  = 0x73700                // 7.55.0
	onlyHTTP            = 1 | 2                  // CURLPROTO_HTTP, CURLPROTO_HTTPS
	longestConnectDelay = math.MaxInt32/1000 - 1 // 7.56.1 and 7.57.0 refuse one more
)

// easyOption is an option that every request shares.
type easyOption struct {
	name   string
	option int
	value  any // as go-curl takes it, or a []string for a list
}

// easyOptions are the options that every easy handle gets.
type easyOptions struct {
	list      []easyOption
	own       []easyOption // options that the user's function cannot change
	contents  []fileContent
	configure func(*curl.CURL) error // the user's own
}

// fileContent is the content of a file that libcurl reads.
type fileContent struct {
	field   string // of Transport
	text    []byte
	options map[string]int // that name the file
}

func (o *easyOptions) add(name string, option int, value any) {
	o.list = append(o.list, easyOption{name, option, value})
}

// addString adds an option unless it is empty.
func (o *easyOptions) addString(name string, option int, value string) {
	if value != "" {
		o.add(name, option, value)
	}
}

// easyOptions lists the options that every request shares.
func (t *Transport) easyOptions(lib library, mode Mode) (easyOptions, error) {
	o := easyOptions{configure: t.Configure}
	o.addOwn(lib, mode)
	o.add("TCP_NODELAY", curl.OPT_TCP_NODELAY, true)
	// libcurl counts the wait for a turn to send as part of connecting and
	// ends it after 300 s; what bounds a wait here is StallTimeout.
	o.add("CONNECTTIMEOUT", curl.OPT_CONNECTTIMEOUT, longestConnectDelay)
	if lib.number >= firstPathAsIs {
		// the caller decides about dots in a path; earlier releases remove them
		o.add("PATH_AS_IS", optPathAsIs, true)
	}
	if lib.number >= firstExpectTimeout {
		limit := t.expectTimeout() / time.Millisecond
		o.add("EXPECT_100_TIMEOUT_MS", optExpectTimeout, int(max(1, min(limit, math.MaxInt32))))
	} else if t.ExpectContinueTimeout != 0 {
		return o, lib.atLeast(firstExpectTimeout, "ExpectContinueTimeout")
	}
	t.addKeepAlive(&o)
	return o, t.addTLS(&o, lib)
}

// addOwn adds the options that the engine depends on.
func (o *easyOptions) addOwn(lib library, mode Mode) {
	add := func(name string, option int, value any) {
		o.own = append(o.own, easyOption{name, option, value})
	}
	add("NOSIGNAL", curl.OPT_NOSIGNAL, true) // signals belong to Go's runtime
	// no other scheme may be used, whatever else is set
	add("PROTOCOLS", optProtocols, onlyHTTP)
	add("REDIR_PROTOCOLS", optRedirProtocols, onlyHTTP)
	version := curl.HTTP_VERSION_1_1
	if mode == ModeMultiplexing {
		version = httpVersion2TLS
	}
	add("HTTP_VERSION", curl.OPT_HTTP_VERSION, version)
	if lib.number >= firstPipeWait {
		add("PIPEWAIT", optPipeWait, mode == ModeMultiplexing)
	}
}

// addKeepAlive adds the probes of idle connections.
func (t *Transport) addKeepAlive(o *easyOptions) {
	if t.KeepAlive >= 0 {
		interval := t.KeepAlive
		if interval == 0 {
			interval = DefaultKeepAlive
		}
		seconds := int(max(1, interval/time.Second))
		o.add("TCP_KEEPALIVE", optTCPKeepAlive, true)
		o.add("TCP_KEEPIDLE", optTCPKeepIdle, seconds)
		o.add("TCP_KEEPINTVL", optTCPKeepInterval, seconds)
	}
}

// atLeast refuses a field that this release of libcurl does not support.
func (l library) atLeast(number uint32, field string) error {
	if l.number >= number {
		return nil
	}
	return fmt.Errorf("%w: %s: use libcurl %d.%d.%d or later, %s is loaded", ErrUnsupportedByLibcurl, field,
		number>>16, number>>8&0xff, number&0xff, l.version)
}

// prepared are easy options whose lists and files exist. The last user, which
// may outlive all easy handles, releases them.
type prepared struct {
	users     atomic.Int32 // without the one who made them
	options   []easyOption
	own       []easyOption // set last
	configure func(*curl.CURL) error
	lists     []*cshim.List
	contents  []*namedContent
}

// prepare makes the lists and files that the options refer to.
func (o *easyOptions) prepare() (*prepared, error) {
	p := &prepared{configure: o.configure, own: o.own}
	for _, option := range o.list {
		lines, ok := option.value.([]string)
		if ok {
			list, err := cshim.NewList(lines)
			if err != nil {
				p.close()
				return nil, fmt.Errorf("curlpipe: CURLOPT_%s: %w", option.name, err)
			}
			p.lists = append(p.lists, list)
			option.value = list
		}
		p.options = append(p.options, option)
	}
	for _, content := range o.contents {
		if err := p.addContent(content); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// addContent adds the options that name a file with this content.
func (p *prepared) addContent(content fileContent) error {
	file, err := newNamedContent(content.text)
	if err != nil {
		return fmt.Errorf("curlpipe: %s: cannot hand them to libcurl: %w", content.field, err)
	}
	p.contents = append(p.contents, file)
	for name, option := range content.options {
		p.options = append(p.options, easyOption{name, option, file.path})
	}
	return nil
}

// takeAuthorities removes the file of certificate authorities from the options,
// so that the loop can share its content. It returns an empty name if libcurl
// itself has to read the authorities for each connection.
func (p *prepared) takeAuthorities() (file string) {
	for _, option := range p.options {
		if option.option == curl.OPT_CAPATH || option.option == curl.OPT_SSL_VERIFYPEER && option.value == false {
			return ""
		}
	}
	if p.configure != nil { // which may name others
		return ""
	}
	p.options = slices.DeleteFunc(p.options, func(option easyOption) bool {
		if option.option != curl.OPT_CAINFO {
			return false
		}
		file = option.value.(string)
		return true
	})
	return file
}

// release ends one use of the options.
func (p *prepared) release() {
	if p.users.Add(-1) < 0 {
		p.close()
	}
}

// close frees the lists and closes the files.
func (p *prepared) close() {
	for _, list := range p.lists {
		list.Free()
	}
	for _, content := range p.contents {
		content.close()
	}
	p.lists, p.contents = nil, nil
}

// namedContent is content that libcurl can read from a path until it is closed.
type namedContent struct {
	path  string
	close func()
}
