#ifndef TLS_H
#define TLS_H
/*
 * A TLS server for the proofs, with a key and a certificate that the client
 * does not verify.
 */
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include "proof.h"

/* up to this version of TLS */
static SSL_CTX *tls_server(int version)
{
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *key = EVP_PKEY_new();
  X509 *certificate = X509_new();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());

  if(!EC_KEY_generate_key(ec) || !EVP_PKEY_assign_EC_KEY(key, ec) ||
     !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
     !X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) ||
     !X509_set_pubkey(certificate, key) ||
     !X509_sign(certificate, key, EVP_sha256()))
    unreachable("no certificate");
  SSL_CTX_set_max_proto_version(context, version);
  if(SSL_CTX_use_certificate(context, certificate) != 1 ||
     SSL_CTX_use_PrivateKey(context, key) != 1)
    unreachable("no server");
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

/* a request to the TLS server */
static struct request *tls_request(const char *path)
{
  struct request *r = request(path);
  char url[200];

  sprintf(url, "https://127.0.0.1:%d%.100s", port, path);
  curl_easy_setopt(r->easy, CURLOPT_URL, url);
  curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, 0L);
  return r;
}
#endif
