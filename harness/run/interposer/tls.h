#ifndef INTERPOSER_TLS_H
#define INTERPOSER_TLS_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* True while this thread is inside a TLS call that is hooked: what it sends
   on a socket then is OpenSSL's, not the host's own. */
bool tls_inside_call(void);

/* True while this thread is inside a hooked call that reads. */
bool tls_inside_read(void);

/* True once, if the host's own call is a write that is to be blocked. */
bool tls_takes_blocked_write(void);

#pragma GCC visibility pop

#endif
