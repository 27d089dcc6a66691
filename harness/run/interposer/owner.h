#ifndef INTERPOSER_OWNER_H
#define INTERPOSER_OWNER_H

/*
 * Sockets of SSL objects that do not name theirs, because the program gives
 * OpenSSL a BIO of its own: the socket that is written to within a call on the
 * object.
 */

#pragma GCC visibility push(hidden)

/* Notes that ssl writes to the socket fd. */
void owner_note(const void *ssl, int fd);

/* The socket that ssl was seen writing to, or -1. */
int owner_socket(const void *ssl);

/* Forgets ssl. */
void owner_forget(const void *ssl);

#pragma GCC visibility pop

#endif
