/* Configuration of libcurl 7.53.1 for the build straight from its list of
 * files, where there is no configure script to find these things out.
 *
 * config-linux.h comes with the tree and holds most of it. What follows puts
 * right what it leaves out or gets wrong for Linux with a GNU C library. */
#include "config-linux.h"

/* It promises zlib. We link without: nothing here needs compressed bodies,
 * and a promise that the linker cannot keep gives a library nobody loads. */
#undef HAVE_LIBZ
#undef HAVE_ZLIB_H

/* Sizes come from the compiler instead of being those of x86-64. */
#undef SIZEOF_INT
#undef SIZEOF_LONG
#undef SIZEOF_SHORT
#undef SIZEOF_SIZE_T
#define SIZEOF_INT __SIZEOF_INT__
#define SIZEOF_LONG __SIZEOF_LONG__
#define SIZEOF_SHORT __SIZEOF_SHORT__
#define SIZEOF_SIZE_T __SIZEOF_SIZE_T__
/* _FILE_OFFSET_BITS is 64, and curl_setup.h would assume four bytes. */
#define SIZEOF_OFF_T 8

/* Without this every time-out follows the wall clock when that is set. */
#define HAVE_CLOCK_GETTIME_MONOTONIC 1

/* A name that resolves slowly must not hold up the other transfers. */
#define HAVE_PTHREAD_H 1
#define USE_THREADS_POSIX 1
#define HAVE_GETADDRINFO_THREADSAFE 1

#define HAVE_GETIFADDRS 1
#define HAVE_GETPWUID_R 1
#define HAVE_IF_NAMETOINDEX 1
#define HAVE_INET_NTOP 1
#define HAVE_RECVFROM 1
#define HAVE_STRUCT_POLLFD 1
#define HAVE_SYS_WAIT_H 1
#define HAVE_VARIADIC_MACROS_C99 1

/* Every OpenSSL from 1.0.1 to 4.0 has these two. */
#define HAVE_OPENSSL_PKCS12_H 1
#define HAVE_SSL_GET_SHUTDOWN 1

/* Export the API and nothing else, as the configured build does. */
#undef CURL_EXTERN_SYMBOL
#define CURL_EXTERN_SYMBOL __attribute__((__visibility__("default")))
#define CURL_HIDDEN_SYMBOLS 1

#include <openssl/opensslv.h>
#if OPENSSL_VERSION_NUMBER >= 0x40000000L
#include "openssl-4.h"
#endif
