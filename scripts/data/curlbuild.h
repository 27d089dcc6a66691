#ifndef __CURL_CURLBUILD_H
#define __CURL_CURLBUILD_H
/* What the public headers of libcurl up to 7.54.1 want to know of a machine and
 * configure would have found out: Linux with a GNU C library. */
#include <sys/types.h>
#include <sys/socket.h>

#define CURL_SIZEOF_LONG __SIZEOF_LONG__
#define CURL_TYPEOF_CURL_SOCKLEN_T socklen_t
#define CURL_SIZEOF_CURL_SOCKLEN_T 4
#define CURL_SIZEOF_CURL_OFF_T 8
#if __SIZEOF_LONG__ == 8
#define CURL_TYPEOF_CURL_OFF_T long
#define CURL_FORMAT_CURL_OFF_T "ld"
#define CURL_FORMAT_CURL_OFF_TU "lu"
#define CURL_FORMAT_OFF_T "%ld"
#define CURL_SUFFIX_CURL_OFF_T L
#define CURL_SUFFIX_CURL_OFF_TU UL
#else
#define CURL_TYPEOF_CURL_OFF_T long long
#define CURL_FORMAT_CURL_OFF_T "lld"
#define CURL_FORMAT_CURL_OFF_TU "llu"
#define CURL_FORMAT_OFF_T "%lld"
#define CURL_SUFFIX_CURL_OFF_T LL
#define CURL_SUFFIX_CURL_OFF_TU ULL
#endif

typedef CURL_TYPEOF_CURL_SOCKLEN_T curl_socklen_t;
typedef CURL_TYPEOF_CURL_OFF_T curl_off_t;
#endif
