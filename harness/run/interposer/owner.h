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

/* Returns what ssl is called, which is new if it was not seen before. */
struct identity owner_identity(const void *ssl);

/* Notes that ssl writes to the socket fd. */
void owner_note(const void *ssl, int fd);

/* The socket that ssl was seen writing to, or -1. */
int owner_socket(const void *ssl);

/* Forgets ssl; false when it was not known, else *identity is what it was
   called. */
bool owner_forget(const void *ssl, struct identity *identity);

#pragma GCC visibility pop

#endif
