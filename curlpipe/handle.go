package curlpipe

import (
	"errors"
	"fmt"
	"reflect"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// handle is an easy handle. It is used for one request after the other. The
// options that all of them share are set once.
type handle struct {
	easy      *curl.CURL
	slot      cshim.Slot
	http2Only bool  // only for connections that multiplex
	call      *call // the request it carries, nil at rest
}

// newHandle makes an easy handle, which is not attached yet. The user's
// function, which may be nil, runs in the caller's goroutine.
func newHandle(options *prepared, set func(*curl.CURL) error) (*handle, error) {
	easy := curl.EasyInit()
	if easy.GetHandle() == nil {
		return nil, fmt.Errorf("curlpipe: cannot make an easy handle: %w", curl.CurlError(curl.E_OUT_OF_MEMORY))
	}
	h := &handle{easy: easy}
	err := h.set(options.options)
	if err == nil && set != nil {
		err = configure(easy, set)
	}
	if err == nil {
		err = h.set(options.own)
	}
	if err == nil && cshim.IsPrivate(easy.GetHandle()) {
		err = fmt.Errorf("%w: PRIVATE", ErrReservedOption)
	}
	easy.MallocFreeAfter(0) // libcurl has copied the strings
	if err != nil {
		easy.Cleanup()
		return nil, err
	}
	return h, nil
}

// attach attaches the handle to the loop. After an error the handle is freed.
func (h *handle) attach(loop *cshim.Loop) (err error) {
	if h.slot, err = loop.Attach(h.easy.GetHandle()); err != nil {
		h.easy.Cleanup()
	}
	return err
}

func (h *handle) set(options []easyOption) error {
	for _, option := range options {
		var err error
		if list, ok := option.value.(*cshim.List); ok {
			if code := list.Set(h.easy.GetHandle(), option.option); code != 0 {
				err = curl.CurlError(code)
			}
		} else {
			err = h.easy.Setopt(option.option, option.value)
		}
		if err != nil {
			return fmt.Errorf("curlpipe: cannot set CURLOPT_%s: %w", option.name, err)
		}
	}
	return nil
}

// ErrReservedOption says that Transport.Configure set an option that the engine
// needs itself; the text after it names the option.
var ErrReservedOption = errors.New("curlpipe: Configure set an option that is the engine's own")

// configure lets the user set options. It refuses options that are the
// engine's, which it finds in go-curl's records.
func configure(easy *curl.CURL, set func(*curl.CURL) error) (err error) {
	defer func() { // go-curl panics if it cannot convert a value
		if broken := recover(); broken != nil {
			err = fmt.Errorf("curlpipe: Configure: go-curl refused an option: %v", broken)
		}
	}()
	if err := set(easy); err != nil {
		return fmt.Errorf("curlpipe: Configure: %w", err)
	}
	kept := reflect.ValueOf(easy).Elem()
	for i := range kept.NumField() {
		name := kept.Type().Field(i).Name
		switch value := kept.Field(i); value.Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Func:
			if name != "handle" && !value.IsNil() {
				return fmt.Errorf("%w: %s", ErrReservedOption, name)
			}
		}
	}
	return nil
}

// number returns a number that libcurl has about the last transfer.
func (h *handle) number(info curl.CurlInfo) int {
	value, _ := h.easy.Getinfo(info)
	number, _ := value.(int)
	return number
}

// free frees a handle that carries no request, or whose loop is closed.
func (h *handle) free(loop *cshim.Loop) {
	loop.Detach(h.slot)
	h.easy.Cleanup()
}
