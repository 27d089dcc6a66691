/*
 * An origin that answers in the thread of the client, so that the test, and
 * not the clock, decides what arrives in one read.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drive.h"
#include "framing.h"

#define MAX_CONNS 64
#define ARRIVAL_MS 60000
#define BYTES_BEHIND 40 /* of the next response, this many are sent one by one,
                           too */

struct conn {
  int fd;                 /* -1 once it is closed */
  int client;             /* the other end of it */
  SSL *ssl;
  int accepted;           /* TLS: the handshake is complete */
  int requests;           /* that have arrived whole */
  int answered;           /* requests answered, or the hostile response */
  int hostile;            /* the hostile response is still to be sent */
  char in[65536];         /* bytes of the next requests that have arrived */
  size_t in_size;
  char out[400000];       /* what is to be sent */
  size_t out_size;
  size_t cuts[4];         /* ends of pieces within 'out', ascending */
  size_t sent;
  size_t bytewise;        /* up to here 'out' is sent byte by byte */
  int end_after;          /* close when 'out' is sent: END_... */
};

static struct conn conns[MAX_CONNS];
static int conn_count;
static int listener = -1;
static SSL_CTX *tls;
static const struct script *script;
static int clients[MAX_CONNS];
static int client_count;

static void die(const char *what)
{
  perror(what);
  exit(3);
}

static void self_signed(SSL_CTX *ctx)
{
  EVP_PKEY *key = EVP_PKEY_new();
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  X509 *cert = X509_new();

  EC_KEY_set_asn1_flag(ec, OPENSSL_EC_NAMED_CURVE);
  if(!EC_KEY_generate_key(ec) || !EVP_PKEY_assign_EC_KEY(key, ec))
    die("key");
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_get_notBefore(cert), -3600);
  X509_gmtime_adj(X509_get_notAfter(cert), 86400);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  X509_set_pubkey(cert, key);
  if(!X509_sign(cert, key, EVP_sha256()) ||
     SSL_CTX_use_certificate(ctx, cert) != 1 ||
     SSL_CTX_use_PrivateKey(ctx, key) != 1)
    die("certificate");
  X509_free(cert);
  EVP_PKEY_free(key);
}

int origin_listen(void)
{
  int port;

  listener = drive_listen(0, &port);
  if(listener < 0)
    die("listen");
  tls = SSL_CTX_new(SSLv23_server_method());
  self_signed(tls);
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return port;
}

void origin_client_opened(int fd)
{
  if(client_count == MAX_CONNS)
    die("too many connections");
  clients[client_count++] = fd;
}

void origin_client_closed(int fd)
{
  int i;
  for(i = 0; i < client_count; i++) {
    if(clients[i] == fd)
      clients[i] = -1;
  }
  for(i = 0; i < conn_count; i++) {
    if(conns[i].client == fd)
      conns[i].client = -1;
  }
}

static int port_of(int fd, int peer)
{
  struct sockaddr_in name;
  socklen_t size = sizeof(name);
  int failed = peer ? getpeername(fd, (struct sockaddr *)&name, &size) :
    getsockname(fd, (struct sockaddr *)&name, &size);
  return failed ? -1 : ntohs(name.sin_port);
}

static void conn_close(struct conn *c)
{
  if(c->ssl)
    SSL_free(c->ssl);
  c->ssl = NULL;
  if(c->fd >= 0)
    close(c->fd);
  c->fd = -1;
}

void origin_start(const struct script *s)
{
  script = s;
  conn_count = 0;
  client_count = 0;
}

int origin_stop(void)
{
  int i;
  for(i = 0; i < conn_count; i++)
    conn_close(&conns[i]);
  return conn_count;
}

/* TRUE when a connection was accepted */
static int accept_one(void)
{
  static const int on = 1;
  struct conn *c;
  int port, i;
  int fd = accept(listener, NULL, NULL);

  if(fd < 0)
    return 0;
  if(conn_count == MAX_CONNS)
    die("too many connections");
  c = &conns[conn_count];
  memset(c, 0, offsetof(struct conn, in));
  c->in_size = c->out_size = c->sent = 0;
  c->bytewise = c->end_after = 0;
  memset(c->cuts, 0, sizeof(c->cuts));
  c->fd = fd;
  c->client = -1;
  c->hostile = conn_count < script->hostile_conns;
  conn_count++;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  port = port_of(fd, 1);
  for(i = 0; i < client_count; i++) {
    if(clients[i] >= 0 && port_of(clients[i], 0) == port)
      c->client = clients[i];
  }
  if(script->tls) {
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, fd);
    SSL_set_accept_state(c->ssl);
  }
  return 1;
}

int origin_requests(void)
{
  return conn_count ? conns[0].requests : 0;
}

/* number of bytes, 0 if there are none now, -1 at the end */
static ssize_t conn_read(struct conn *c, char *into, size_t size)
{
  ssize_t n;
  if(c->ssl) {
    int error;
    ERR_clear_error();
    n = SSL_read(c->ssl, into, (int)size);
    if(n > 0)
      return n;
    error = SSL_get_error(c->ssl, (int)n);
    return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) ?
      0 : -1;
  }
  n = recv(c->fd, into, size, 0);
  if(n > 0)
    return n;
  return (n < 0 && errno == EAGAIN) ? 0 : -1;
}

static ssize_t conn_write(struct conn *c, const char *from, size_t size)
{
  ssize_t n;
  if(c->ssl) {
    int error;
    ERR_clear_error();
    n = SSL_write(c->ssl, from, (int)size);
    if(n > 0)
      return n;
    error = SSL_get_error(c->ssl, (int)n);
    return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) ?
      0 : -1;
  }
  n = send(c->fd, from, size, MSG_NOSIGNAL);
  if(n >= 0)
    return n;
  return errno == EAGAIN ? 0 : -1;
}

static void put(struct conn *c, const char *bytes, size_t size)
{
  if(c->out_size + size > sizeof(c->out))
    die("too much to send");
  memcpy(c->out + c->out_size, bytes, size);
  c->out_size += size;
}

void origin_body(int number, char *into)
{
  sprintf(into, "<body of request %02d>", number);
}

/* answers the request whose path is a number */
static void answer(struct conn *c, const char *request)
{
  const char *path = strchr(request, '/');
  int number = path ? atoi(path + 1) : -1;
  char body[64], text[256];

  if(c->hostile && number > 0) {
    size_t i;
    c->hostile = 0;
    if(script->split == SPLIT_EVERY)
      c->bytewise = c->out_size + script->size + BYTES_BEHIND;
    for(i = 0; i < sizeof(c->cuts) / sizeof(c->cuts[0]); i++)
      c->cuts[i] = 0;
    if(script->split > 0)
      c->cuts[0] = c->out_size + (size_t)script->split;
    if(script->split == SPLIT_BEHIND)
      c->cuts[0] = c->out_size + script->size;
    put(c, script->bytes, script->size);
    c->end_after = script->end;
    return;
  }
  if(c->end_after)
    return;
  origin_body(number, body);
  sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
          (int)strlen(body), body);
  put(c, text, strlen(text));
}

/* TRUE when something was read */
static int conn_receive(struct conn *c)
{
  char *end;
  ssize_t n = conn_read(c, c->in + c->in_size,
                        sizeof(c->in) - c->in_size - 1);
  if(n < 0) {
    conn_close(c);
    return 1;
  }
  c->in_size += (size_t)n;
  c->in[c->in_size] = 0;
  if(n > 0) {
    char *p = c->in;
    c->requests = c->answered;
    while((p = strstr(p, "\r\n\r\n")) != NULL) {
      c->requests++;
      p += 4;
    }
  }
  /* The hostile response is sent when all requests that it may reach into have
     arrived. */
  if(c == &conns[0] && c->answered > 0 && c->requests < script->wait_for)
    return n > 0;
  while((end = strstr(c->in, "\r\n\r\n")) != NULL) {
    size_t size = (size_t)(end + 4 - c->in);
    answer(c, c->in);
    c->answered++;
    memmove(c->in, c->in + size, c->in_size - size + 1);
    c->in_size -= size;
  }
  return n > 0;
}

/* waits until the client's socket has bytes: loopback may deliver on another
   CPU, and the client would act as if nothing had been sent */
static void await_arrival(const struct conn *c)
{
  struct pollfd p;

  p.fd = c->client;
  p.events = POLLIN;
  if(c->client >= 0 && poll(&p, 1, ARRIVAL_MS) != 1)
    die("what was sent does not arrive");
}

/* TRUE when something was sent. The next piece waits until the client has
   read the one before. */
static int conn_send(struct conn *c)
{
  size_t size = c->out_size - c->sent;
  int unread = 0;
  ssize_t n;

  if(c->client >= 0 && !ioctl(c->client, FIONREAD, &unread) && unread)
    return 0;
  if(!size) {
    if(!c->end_after || !c->sent)
      return 0;
    if(c->ssl && c->end_after == END_CLOSE)
      SSL_shutdown(c->ssl);
    conn_close(c);
    return 1;
  }
  if(c->sent < c->bytewise)
    size = 1;
  else if(c->cuts[0] > c->sent && c->cuts[0] - c->sent < size)
    size = c->cuts[0] - c->sent;
  n = conn_write(c, c->out + c->sent, size);
  if(n < 0) {
    conn_close(c);
    return 1;
  }
  c->sent += (size_t)n;
  if(n > 0)
    await_arrival(c);
  return n > 0;
}

int origin_step(void)
{
  int moved = 0;
  int i;

  while(accept_one())
    moved = 1;
  for(i = 0; i < conn_count; i++) {
    struct conn *c = &conns[i];
    if(c->fd >= 0)
      moved |= conn_receive(c);
    if(c->fd >= 0)
      moved |= conn_send(c);
  }
  return moved;
}
