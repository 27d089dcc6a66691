#ifndef INTERPOSER_OWNER_H
#define INTERPOSER_OWNER_H

/*
 * The SSL objects that the host uses: what each is called in the events, and
 * the socket of those that do not name theirs, because the program gives
 * OpenSSL a BIO of its own. That is the socket that is written to within a
 * call on the object.
 *
 * An address is no name: another object gets it after SSL_free(), and objects
 * of two processes that were forked often have the same one.
 */

#include "events.h"

#pragma GCC visibility push(hidden)

/* Returns the name of ssl, a new one if it was not seen before. */
struct identity owner_identity(const void *ssl);

/* Records that ssl writes to the socket fd. */
void owner_note(const void *ssl, int fd);

/* The socket to which ssl was seen writing, or -1. */
int owner_socket(const void *ssl);

/* Forgets ssl. Returns false if it was not known; otherwise *identity is its
   name. */
bool owner_forget(const void *ssl, struct identity *identity);

#pragma GCC visibility pop

#endif
