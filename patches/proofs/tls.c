#include <openssl/ec.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

#define PATIENCE 3000     /* rounds of 1 ms until a request hangs */

SSL *tls_server;

static SSL_CTX *context;
static char heard[4000];
static size_t heard_size;

void tls_begin(int argc, char **argv, int version)
{
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *key = EVP_PKEY_new();
  X509 *certificate = X509_new();
  int i;

  for(i = 0; i < MAX_CONNS; i++)
    conns[i].stalled = 1; /* the TLS server reads */
  begin(argc, argv);
  if(!EC_KEY_generate_key(ec) || !EVP_PKEY_assign_EC_KEY(key, ec) ||
     !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
     !X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) ||
     !X509_set_pubkey(certificate, key) ||
     !X509_sign(certificate, key, EVP_sha256()))
    unreachable("no certificate");
  context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_max_proto_version(context, version);
  if(SSL_CTX_use_certificate(context, certificate) != 1 ||
     SSL_CTX_use_PrivateKey(context, key) != 1)
    unreachable("no server");
  X509_free(certificate);
  EVP_PKEY_free(key);
}

const char *tls_heard(void)
{
  int got;

  if(!tls_server && conn_count) {
    tls_server = SSL_new(context);
    SSL_set_fd(tls_server, conns[0].fd);
    SSL_set_accept_state(tls_server);
  }
  if(!tls_server)
    return NULL;
  got = SSL_read(tls_server, heard + heard_size,
                 (int)(sizeof(heard) - heard_size - 1));
  if(got <= 0)
    return NULL;
  heard_size += (size_t)got;
  heard[heard_size] = 0;
  if(!strstr(heard, "\r\n\r\n"))
    return NULL;
  heard_size = 0;
  return heard;
}

struct request *tls_fetch(const char *path, void (*serve)(void))
{
  struct request *r = request(path);
  char url[200];
  int rounds;

  sprintf(url, "https://127.0.0.1:%d%.100s", port, path);
  curl_easy_setopt(r->easy, CURLOPT_URL, url);
  curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, 0L);
  add(r);
  for(rounds = 0; !r->done && conn_count < 2 && rounds < PATIENCE; rounds++) {
    serve();
    if(!turn())
      poll(NULL, 0, 1);
  }
  return r;
}
