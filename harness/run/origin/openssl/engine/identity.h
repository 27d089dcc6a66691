#ifndef TLS_ENGINE_IDENTITY_H
#define TLS_ENGINE_IDENTITY_H

#include <stddef.h>

#include <openssl/ssl.h>

/* Makes what all connections share: the one version of TLS that is spoken,
   HTTP/1.1 over ALPN, and the identity: the server's certificate, those that
   stand between it and the authority, and its key, in PEM, the key anywhere.
   Ends the program when that cannot be. The caller frees it. */
SSL_CTX *identity_context(int version, const void *pem, size_t length);

#endif
