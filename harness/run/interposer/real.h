#ifndef INTERPOSER_REAL_H
#define INTERPOSER_REAL_H

/*
 * Finds the functions that the hooks stand in for.
 *
 * RTLD_NEXT finds them when libc or libssl is in the global scope behind this
 * library: every program that is linked with them, directly or through
 * libcurl. A libssl that came later, as a dependency of a plugin that was
 * opened with RTLD_LOCAL, is not in that scope; its callers still reach the
 * hooks, because the global scope is searched first, so the function is then
 * looked for in the libssl that is loaded (the first in load order, should
 * there be several).
 *
 * Not seen at all: functions that a program asks dlsym() for by the handle of
 * libssl, an OpenSSL that is linked statically, and system calls made without
 * libc (Go's own network code).
 */

#pragma GCC visibility push(hidden)

/* Each returns the function, keeping it in *slot for the next time (slot is
   static and starts as NULL). Ends the process with a line on stderr when
   there is none: the hook was called, so the host has such a function, and
   going on without it would change what the host does. */
void *real_libc(void **slot, const char *name);
void *real_openssl(void **slot, const char *name);

/* Returns a function of OpenSSL that not every version has, or NULL. */
void *some_openssl(const char *name);

#pragma GCC visibility pop

#endif
