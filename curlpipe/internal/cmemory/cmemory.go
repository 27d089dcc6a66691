// Package cmemory tells tests how much memory C code holds, which the Go
// runtime does not know of.
package cmemory

/*
#include <malloc.h>

static size_t in_use(void)
{
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
*/
import "C"

// InUse is how many bytes malloc has handed out and not got back, over all
// threads. It is 0 in a program built with AddressSanitizer, which has an
// allocator of its own.
func InUse() int64 { return int64(C.in_use()) }
