/*
 * wildcard.c: refuses certificates that do not name the server while OpenSSL
 * verifies them, so that the server receives an alert. libcurl, which compares
 * names as well, does it after the handshake.
 *
 * It does not refuse enough: a wildcard must be the whole of the first label
 * [RFC 9525 section 6.3]. libcurl up to 8.0.1 also accepts one that is a part
 * of the label, so that "x*" matches every IDN, which begins with "xn--"
 * (CVE-2023-28321). Such patterns are refused even if the caller's own options
 * decide about names.
 */
#include <string.h>
#include "handshake.h"
#include "openssl.h"

/* From OpenSSL's headers, the same in every release since 1.1.1. */
#define NAME_HOST 0 /* TLSEXT_NAMETYPE_host_name */
#define NO_PARTIAL_WILDCARDS 4u /* X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS */
#define HOSTNAME_MISMATCH 62 /* X509_V_ERR_HOSTNAME_MISMATCH */

#define ALTERNATIVE_NAMES 85 /* NID_subject_alt_name */
#define COMMON_NAME 13 /* NID_commonName */
#define DNS_NAME 2 /* GEN_DNS */

/* Whether the pattern has a star that is not the whole first label. */
static bool is_partial(const char *pattern, size_t length)
{
  bool whole = length > 1 && pattern[0] == '*' && pattern[1] == '.';
  size_t from = whole ? 1 : 0;
  return length > from && memchr(pattern + from, '*', length - from);
}

static bool has_partial_alternative(const struct openssl *openssl,
                                    const void *certificate)
{
  void *all = openssl->extension(certificate, ALTERNATIVE_NAMES, NULL, NULL);
  bool found = false;
  int i;
  for(i = 0; all && i < openssl->stack_size(all); i++) {
    int type;
    void *name = openssl->general_name(openssl->stack_at(all, i), &type);
    if(type == DNS_NAME)
      found |= is_partial((const char *)openssl->string_data(name),
                          (size_t)openssl->string_length(name));
  }
  if(all)
    openssl->names_free(all);
  return found;
}

static bool has_partial_name(const struct openssl *openssl,
                             const void *certificate)
{
  char name[256];
  int length = openssl->name_text(openssl->subject(certificate), COMMON_NAME,
                                  name, sizeof(name));
  return (length > 0 && is_partial(name, (size_t)length)) ||
         has_partial_alternative(openssl, certificate);
}

/* Of SSL_CTX_set_verify() */
static int on_verify(int verified, void *store)
{
  const struct openssl *openssl = openssl_loaded();
  void *certificate = openssl->store_certificate(store);
  void *ssl = openssl->store_data(store, openssl->ssl_index());
  const char *name = ssl ? openssl->server_name(ssl, NAME_HOST) : NULL;
  struct connection *connection = ssl ? tls_connection_of(ssl) : NULL;
  if(verified && name && certificate && !openssl->store_depth(store) &&
     openssl->check_host(certificate, name, strlen(name),
                         NO_PARTIAL_WILDCARDS, NULL) != 1 &&
     ((connection && connection->loop->limits.check_names) ||
      has_partial_name(openssl, certificate))) {
    openssl->store_set_error(store, HOSTNAME_MISMATCH);
    verified = 0;
  }
  if(!verified && connection)
    handshake_refused(connection, store);
  return verified;
}

void wildcard_install(void *context)
{
  const struct openssl *openssl = openssl_loaded();
  int mode = openssl->verify_mode(context);
  if(mode) /* otherwise nothing is verified */
    openssl->set_verify(context, mode, on_verify);
}
