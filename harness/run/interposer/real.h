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
 * looked for in the libssl that is loaded.
 *
 * A process may have several, as Python has with the packages that bring their
 * own. An object belongs to the one that made it, which is told by the table
 * of methods that the object points to, or by who calls, if that is OpenSSL
 * itself: it moves what is written through a BIO of the program's.
 *
 * Not seen at all: functions that a program asks dlsym() for by the handle of
 * libssl, an OpenSSL that is linked statically, and system calls made without
 * libc (Go's own network code).
 */

#pragma GCC visibility push(hidden)

/* How many OpenSSLs of a process are distinguished. */
#define REAL_LIBRARIES 8

/* A function of each of them; static, and starts as zeros. */
struct real_function {
  void *of[REAL_LIBRARIES];
};

/* The number of the OpenSSL to which object, an SSL or a BIO, belongs; 0 if
   that is unknown. caller is the return address of the hook, or NULL. */
int real_library(const void *object, const void *caller);

/* Each returns the function and keeps it for the next call. If there is none,
   they end the process with a line on stderr: the hook was called, so the host
   has such a function, and continuing without it would change what the host
   does. */
void *real_libc(void **slot, const char *name);
void *real_openssl_of(struct real_function *slot, const char *name,
                      const void *object, const void *caller);
#define real_openssl(slot, name, object)                                \
  real_openssl_of(slot, name, object, __builtin_return_address(0))

/* Returns a function of OpenSSL that not every version has, or NULL. */
void *some_openssl(const char *name, const void *object);

#pragma GCC visibility pop

#endif
