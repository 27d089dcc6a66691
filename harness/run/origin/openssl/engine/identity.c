#include "identity.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "frame.h"

static void check(int well, const char *tried)
{
  const char *reason;

  if(well)
    return;
  reason = ERR_reason_error_string(ERR_peek_error());
  give_up("%s failed: %s", tried, reason ? reason : "no reason given");
}

static BIO *reader_of(const void *pem, size_t length)
{
  BIO *reader = NULL;

  if(length <= INT_MAX)
    reader = BIO_new_mem_buf(pem, (int)length);
  check(reader != NULL, "reading the identity");
  return reader;
}

static void use_certificates(SSL_CTX *context, const void *pem, size_t length)
{
  BIO *reader = reader_of(pem, length);
  X509 *certificate = PEM_read_bio_X509_AUX(reader, NULL, NULL, NULL);

  check(certificate != NULL, "reading the certificate");
  check(SSL_CTX_use_certificate(context, certificate) == 1,
        "using the certificate");
  X509_free(certificate);
  for(;;) {
    certificate = PEM_read_bio_X509(reader, NULL, NULL, NULL);
    if(!certificate)
      break;
    check(SSL_CTX_add0_chain_cert(context, certificate) == 1,
          "using a certificate of the chain");
  }
  check(ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE,
        "reading a certificate of the chain");
  ERR_clear_error();
  BIO_free(reader);
}

static void use_key(SSL_CTX *context, const void *pem, size_t length)
{
  BIO *reader = reader_of(pem, length);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(reader, NULL, NULL, NULL);

  check(key != NULL, "reading the key");
  check(SSL_CTX_use_PrivateKey(context, key) == 1, "using the key");
  EVP_PKEY_free(key);
  BIO_free(reader);
}

static int choose_protocol(SSL *ssl, const unsigned char **chosen,
                           unsigned char *chosen_length,
                           const unsigned char *offered,
                           unsigned int offered_length, void *argument)
{
  static const unsigned char spoken[] = "\x08http/1.1";
  unsigned char *match;

  (void)ssl;
  (void)argument;
  if(SSL_select_next_proto(&match, chosen_length, spoken, sizeof(spoken) - 1,
                           offered, offered_length) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *identity_context(int version, const void *pem, size_t length)
{
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());

  check(context != NULL, "starting OpenSSL");
  check(SSL_CTX_set_min_proto_version(context, version) &&
        SSL_CTX_set_max_proto_version(context, version),
        "choosing the version of TLS");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
  use_certificates(context, pem, length);
  use_key(context, pem, length);
  check(SSL_CTX_check_private_key(context) == 1,
        "holding the key against the certificate");
  return context;
}
