/*
 * handshake.c: what is known of a connection's TLS handshake: what was agreed
 * on, the server's certificates, and why they were refused.
 */
#include <stdlib.h>
#include <string.h>
#include "handshake.h"
#include "openssl.h"

/* From OpenSSL's headers, the same in every release since 1.1.1. */
#define GET_STAPLE 70 /* SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP */

/* Returns NULL when out of memory; then nothing is noted. */
static struct handshake *of(struct connection *connection)
{
  if(!connection->handshake) {
    connection->handshake = calloc(1, sizeof(*connection->handshake));
    if(connection->handshake)
      connection->handshake->told.alert = -1;
  }
  return connection->handshake;
}

void handshake_record(struct connection *connection, const void *header,
                      size_t length)
{
  struct handshake *handshake = of(connection);
  if(!handshake || handshake->told.has_record ||
     length != sizeof(handshake->told.record))
    return;
  handshake->told.has_record = true;
  memcpy(handshake->told.record, header, length);
}

void handshake_alert(struct connection *connection, int alert)
{
  struct handshake *handshake = of(connection);
  if(handshake)
    handshake->told.alert = alert;
}

/* Appends a certificate: its length in four octets, big-endian, then the
   certificate in DER. */
static void append(struct buffer *list, const void *certificate)
{
  const struct openssl *openssl = openssl_loaded();
  int length = openssl->encode(certificate, NULL);
  size_t before = list->length;
  unsigned char head[4];
  unsigned char *into;
  if(length <= 0)
    return;
  head[0] = (unsigned char)(length >> 24);
  head[1] = (unsigned char)(length >> 16);
  head[2] = (unsigned char)(length >> 8);
  head[3] = (unsigned char)length;
  if(!buffer_append(list, (const char *)head, sizeof(head)))
    return;
  into = malloc((size_t)length);
  if(into) {
    unsigned char *end = into;
    openssl->encode(certificate, &end);
  }
  if(!into || !buffer_append(list, (const char *)into, (size_t)length))
    list->length = before;
  free(into);
}

static void append_all(struct buffer *list, const void *stack)
{
  const struct openssl *openssl = openssl_loaded();
  int i;
  for(i = 0; stack && i < openssl->stack_size(stack); i++)
    append(list, openssl->stack_at(stack, i));
}

static void show(struct handshake *handshake)
{
  struct cshim_handshake *told = &handshake->told;
  told->certificates = handshake->certificates.data;
  told->certificates_length = handshake->certificates.length;
  told->chain = handshake->chain.data;
  told->chain_length = handshake->chain.length;
  told->staple = handshake->staple.data;
  told->staple_length = handshake->staple.length;
}

void handshake_refused(struct connection *connection, void *store)
{
  const struct openssl *openssl = openssl_loaded();
  struct handshake *handshake = of(connection);
  if(!handshake || handshake->told.refusal)
    return;
  handshake->told.refusal = openssl->store_error(store);
  append_all(&handshake->certificates, openssl->store_untrusted(store));
  if(openssl->store_certificate(store))
    append(&handshake->chain, openssl->store_certificate(store));
  show(handshake);
}

void handshake_done(struct connection *connection, const void *ssl)
{
  const struct openssl *openssl = openssl_loaded();
  struct handshake *handshake = of(connection);
  const unsigned char *name = NULL;
  unsigned char *staple = NULL;
  unsigned length = 0;
  const void *cipher = openssl->cipher(ssl);
  long staple_length;

  if(!handshake || handshake->told.done)
    return;
  handshake->told.done = true;
  /* later releases of libcurl check the certificate only after the
     handshake */
  if(!handshake->told.refusal)
    handshake->told.refusal = (int)openssl->verify_result(ssl);
  handshake->told.version = (uint16_t)openssl->version(ssl);
  handshake->told.cipher = cipher ? openssl->cipher_number(cipher) : 0;
  handshake->told.resumed = openssl->resumed(ssl);
  openssl->agreed_protocol(ssl, &name, &length);
  if(length < sizeof(handshake->told.protocol)) {
    if(length)
      memcpy(handshake->told.protocol, name, length);
    handshake->told.protocol[length] = '\0';
  }
  append_all(&handshake->certificates, openssl->peer_certificates(ssl));
  if(!handshake->certificates.length && openssl->session_of(ssl)) {
    /* a session that libcurl has serialised has only this certificate */
    const void *peer = openssl->session_peer(openssl->session_of(ssl));
    if(peer)
      append(&handshake->certificates, peer);
  }
  append_all(&handshake->chain, openssl->verified_chain(ssl));
  staple_length = openssl->control((void *)ssl, GET_STAPLE, 0, &staple);
  if(staple_length > 0 && staple)
    buffer_append(&handshake->staple, (char *)staple, (size_t)staple_length);
  show(handshake);
  connection->news |= CSHIM_CONNECTION_SECURED;
  connection_touch(connection);
}

void handshake_free(struct handshake *handshake)
{
  if(!handshake)
    return;
  buffer_free(&handshake->certificates);
  buffer_free(&handshake->chain);
  buffer_free(&handshake->staple);
  free(handshake);
}

const struct cshim_handshake *
cshim_loop_handshake(const struct cshim_loop *loop, uint32_t number)
{
  const struct connection *connection = connection_told(loop, number);
  return connection && connection->handshake ?
         &connection->handshake->told : NULL;
}
