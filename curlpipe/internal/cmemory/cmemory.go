// Package cmemory tells tests how much memory C code holds, which the Go
// runtime does not know of.
package cmemory

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static size_t in_use(void)
{
#ifdef __GLIBC__
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}
*/
import "C"

// InUse is how many bytes malloc has handed out and not got back, over all
// threads. It is 0 in a program built with AddressSanitizer, which has an
// allocator of its own, and with another C library than glibc.
func InUse() int64 { return int64(C.in_use()) }
