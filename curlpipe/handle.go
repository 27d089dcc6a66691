package curlpipe

import (
	"fmt"
	"math"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// Options of libcurl that go-curl does not name (curl.h).
const (
	optPathAsIs   = 234 // CURLOPT_PATH_AS_IS, from 7.42.0
	firstPathAsIs = 0x72a00
)

// handle is an easy handle in the loop's hands. It is used for one request
// after the other; what is the same for all of them is set once.
type handle struct {
	easy *curl.CURL
	slot cshim.Slot
	call *call // the request it carries, nil at rest
}

// easyOption is one option that every request shares.
type easyOption struct {
	name   string
	option int
	value  any
}

// easyOptions lists what every request shares.
func easyOptions(options Options, lib library, sslVersion int) []easyOption {
	list := []easyOption{
		{"NOSIGNAL", curl.OPT_NOSIGNAL, true}, // signals belong to Go's runtime
		{"PROXY", curl.OPT_PROXY, ""},         // and no look at the environment for each request
		{"HTTP_VERSION", curl.OPT_HTTP_VERSION, curl.HTTP_VERSION_1_1},
		{"TCP_NODELAY", curl.OPT_TCP_NODELAY, true},
		{"SSL_VERIFYPEER", curl.OPT_SSL_VERIFYPEER, true},
		{"SSL_VERIFYHOST", curl.OPT_SSL_VERIFYHOST, 2},
		{"SSLVERSION", curl.OPT_SSLVERSION, sslVersion},
		// libcurl counts the wait for a turn to send as part of connecting and
		// ends it after 300 s; what bounds a wait here is StallTimeout.
		{"CONNECTTIMEOUT", curl.OPT_CONNECTTIMEOUT, math.MaxInt32 / 1000},
	}
	if lib.number >= firstPathAsIs {
		// dots in a path are the caller's; before, libcurl takes them out
		list = append(list, easyOption{"PATH_AS_IS", optPathAsIs, true})
	}
	if options.CAFile != "" {
		list = append(list, easyOption{"CAINFO", curl.OPT_CAINFO, options.CAFile})
	}
	return list
}

// newHandle makes an easy handle and attaches it to the loop.
func newHandle(loop *cshim.Loop, options []easyOption) (*handle, error) {
	easy := curl.EasyInit()
	if easy.GetHandle() == nil {
		return nil, fmt.Errorf("curlpipe: cannot make an easy handle: %w", curl.CurlError(curl.E_OUT_OF_MEMORY))
	}
	for _, option := range options {
		if err := easy.Setopt(option.option, option.value); err != nil {
			easy.Cleanup()
			return nil, fmt.Errorf("curlpipe: cannot set CURLOPT_%s: %w", option.name, err)
		}
	}
	easy.MallocFreeAfter(0) // libcurl has copied the strings
	slot, err := loop.Attach(easy.GetHandle())
	if err != nil {
		easy.Cleanup()
		return nil, err
	}
	return &handle{easy: easy, slot: slot}, nil
}

// free lets go of a handle that carries no request, or whose loop is closed.
func (h *handle) free(loop *cshim.Loop) {
	loop.Detach(h.slot)
	h.easy.Cleanup()
}
