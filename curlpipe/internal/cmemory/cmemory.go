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

// InUse returns the number of bytes that malloc has handed out and not taken
// back, in all threads. It is 0 in a program built with AddressSanitizer, which
// has its own allocator, and with a C library other than glibc.
func InUse() int64 { return int64(C.in_use()) }
