/*
 * 0402: the server asks for a new handshake on a connection at rest, and
 * answers the client's ClientHello at once. The next request takes the
 * connection, which is not dead.
 */
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <string.h>
#include "proof.h"

#define PATIENCE 3000     /* rounds of 1 ms until a request hangs */

static SSL_CTX *context;
static SSL *server;       /* on the first connection */
static char heard[4000];
static size_t heard_size;
static int answered_at_once;
static int peeks;

/* a key and a certificate, which the client does not verify */
static void identify(void)
{
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *key = EVP_PKEY_new();
  X509 *certificate = X509_new();

  if(!EC_KEY_generate_key(ec) || !EVP_PKEY_assign_EC_KEY(key, ec) ||
     !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
     !X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) ||
     !X509_set_pubkey(certificate, key) ||
     !X509_sign(certificate, key, EVP_sha256()))
    unreachable("no certificate");
  context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if(SSL_CTX_use_certificate(context, certificate) != 1 ||
     SSL_CTX_use_PrivateKey(context, key) != 1)
    unreachable("no server");
  X509_free(certificate);
  EVP_PKEY_free(key);
}

/* the server takes what has arrived, and answers it */
static void serve(void)
{
  static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  int got;

  if(!server && conn_count) {
    server = SSL_new(context);
    SSL_set_fd(server, conns[0].fd);
    SSL_set_accept_state(server);
  }
  if(!server)
    return;
  got = SSL_read(server, heard + heard_size,
                 (int)(sizeof(heard) - heard_size - 1));
  if(got <= 0)
    return;
  heard_size += (size_t)got;
  heard[heard_size] = 0;
  if(!strstr(heard, "\r\n\r\n"))
    return;
  heard_size = 0;
  if(SSL_write(server, response, (int)strlen(response)) <= 0 ||
     !SSL_renegotiate(server) || SSL_do_handshake(server) != 1)
    unreachable("the server cannot ask for a handshake");
}

/* what libcurl calls in place of OpenSSL's */
int SSL_peek(SSL *client, void *bytes, int size)
{
  size_t got = 0;
  int ok = SSL_peek_ex(client, bytes, (size_t)size, &got);

  if(answered_at_once) {
    peeks++;
    serve();
  }
  return ok ? (int)got : -1;
}

static struct request *fetch(const char *path)
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

int main(int argc, char **argv)
{
  struct request *r;
  int i;

  for(i = 0; i < MAX_CONNS; i++)
    conns[i].stalled = 1; /* the TLS server reads */
  begin(argc, argv);
  identify();
  r = fetch("/a");
  if(!r->done || r->result)
    unreachable("the first request was not answered");
  settle();
  answered_at_once = 1;
  r = fetch("/b");
  if(conn_count == 1 && peeks < 2)
    unreachable("there was nothing to answer");
  return verdict(r->done && !r->result && conn_count == 1, "the connection");
}
