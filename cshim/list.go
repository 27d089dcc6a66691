package cshim

/*
#include <stdlib.h>
#include <curl/curl.h>

static CURLcode set_list(void *easy, int option, struct curl_slist *list)
{
  return curl_easy_setopt(easy, (CURLoption)option, list);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// List is a list of strings for an option of libcurl. libcurl does not copy it,
// so it must outlive the easy handles that it was set on.
type List struct{ first *C.struct_curl_slist }

// NewList makes a list, which the caller must free. A line must not contain a
// NUL.
func NewList(lines []string) (*List, error) {
	list := &List{}
	for _, line := range lines {
		if strings.IndexByte(line, 0) >= 0 {
			list.Free()
			return nil, fmt.Errorf("cshim: NUL in %q", line)
		}
		text := C.CString(line)
		longer := C.curl_slist_append(list.first, text)
		C.free(unsafe.Pointer(text))
		if longer == nil {
			list.Free()
			return nil, errors.New("cshim: out of memory for a list")
		}
		list.first = longer
	}
	return list, nil
}

// Set sets the list as an option of an easy handle and returns the CURLcode.
func (l *List) Set(easy unsafe.Pointer, option int) int {
	return int(C.set_list(easy, C.int(option), l.first))
}

// Free frees the list. Freeing twice is fine.
func (l *List) Free() {
	C.curl_slist_free_all(l.first)
	l.first = nil
}
