#ifndef TLS_H
#define TLS_H
/*
 * A TLS server for the proofs, on the first connection, in the place of what
 * proof.c does there. The client does not verify its certificate.
 */
#include <openssl/ssl.h>
#include "proof.h"

extern SSL *tls_server;         /* NULL until there is a connection */

/* what begin() does, with a server up to this version of TLS */
void tls_begin(int argc, char **argv, int version);

/* takes what has arrived; a request that is whole, else NULL */
const char *tls_heard(void);

/* a request; turns until it is done, there is another connection, or it
   hangs. The server has its turn in each. */
struct request *tls_fetch(const char *path, void (*serve)(void));
#endif
