/*
 * The bench's lower bound without an HTTP library: writes prepared requests
 * and counts responses on one connection, with OpenSSL alone or without TLS.
 * The first response's header section gives the length of all; of each
 * response, the status line, the end of the header section and the body are
 * checked.
 */

#define _GNU_SOURCE /* memmem */

#include "client.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define LONGEST_NAME 256
#define READ_AT_ONCE 65536
#define LONGEST_WRITE 16384 /* one TLS record */

struct connection {
  struct arguments arguments;
  int socket;
  SSL *ssl; /* NULL for plain HTTP */
  char host[LONGEST_NAME];
  char port[LONGEST_NAME];
  char path[LONGEST_NAME];
  char *requests; /* as many as one write may take, back to back */
  size_t request_size;
  int most_at_once;
  char *buffer;
  size_t filled;
  size_t buffer_size;
  size_t header_size; /* header size of the first response, the same for all */
  double *begun;      /* ring of depth: when each request in flight was
                         written */
};

static void parse_url(struct connection *c)
{
  int tls;
  char scheme[8];

  if(sscanf(c->arguments.url, "%7[a-z]://%255[^:/]:%255[0-9]%255s", scheme,
            c->host, c->port, c->path) != 4)
    client_fail("the URL has to be scheme://host:port/path");
  tls = !strcmp(scheme, "https");
  if(tls) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if(!context ||
       !SSL_CTX_load_verify_locations(context, c->arguments.ca_file, NULL))
      client_fail("cannot read %s", c->arguments.ca_file);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    /* read what is there at once, not each record's header and data in turn */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AT_ONCE);
    c->ssl = SSL_new(context);
  }
}

static void open_connection(struct connection *c)
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
  struct addrinfo *found;
  int on = 1;

  if(getaddrinfo(c->host, c->port, &hints, &found))
    client_fail("cannot find %s", c->host);
  c->socket = socket(found->ai_family, SOCK_STREAM, 0);
  if(connect(c->socket, found->ai_addr, found->ai_addrlen))
    client_fail("cannot connect to %s:%s", c->host, c->port);
  freeaddrinfo(found);
  setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if(c->ssl && (!SSL_set_fd(c->ssl, c->socket) || SSL_connect(c->ssl) != 1))
    client_fail("TLS handshake: %s", ERR_reason_error_string(ERR_get_error()));
}

/* Prepares as many requests as one write may take, back to back. */
static void make_requests(struct connection *c)
{
  char request[3 * LONGEST_NAME];
  int i;

  c->request_size = (size_t)snprintf(request, sizeof(request),
    "GET %s HTTP/1.1\r\nHost: %s:%s\r\nAccept: */*\r\n\r\n", c->path, c->host,
    c->port);
  c->most_at_once = (int)(LONGEST_WRITE / c->request_size);
  c->requests = malloc(LONGEST_WRITE);
  c->buffer_size = c->arguments.body + 2 * READ_AT_ONCE;
  c->buffer = malloc(c->buffer_size);
  c->begun = calloc((size_t)c->arguments.depth, sizeof(*c->begun));
  if(!c->requests || !c->buffer || !c->begun)
    client_fail("out of memory");
  for(i = 0; i < c->most_at_once; i++)
    memcpy(c->requests + (size_t)i * c->request_size, request,
           c->request_size);
}

/* Writes this many requests; blocks until they are taken. */
static void write_requests(struct connection *c, int count)
{
  while(count) {
    int now = count < c->most_at_once ? count : c->most_at_once;
    size_t size = (size_t)now * c->request_size;
    if(c->ssl) {
      if(SSL_write(c->ssl, c->requests, (int)size) != (int)size)
        client_fail("SSL_write failed");
    }
    else if(send(c->socket, c->requests, size, 0) != (ssize_t)size)
      client_fail("send failed");
    count -= now;
  }
}

static void read_some(struct connection *c)
{
  size_t room = c->buffer_size - c->filled;
  long got = c->ssl ?
    SSL_read(c->ssl, c->buffer + c->filled, (int)room) :
    recv(c->socket, c->buffer + c->filled, room, 0);

  if(got <= 0)
    client_fail("the server closed the connection");
  c->filled += (size_t)got;
}

/* Finds the length of the header section in the first response. */
static void learn(struct connection *c)
{
  char *end;

  while(!(end = memmem(c->buffer, c->filled, "\r\n\r\n", 4)))
    read_some(c);
  c->header_size = (size_t)(end - c->buffer) + 4;
}

/* Takes the complete responses out of the buffer and returns their number. */
static int take_responses(struct connection *c)
{
  static const char status[] = "HTTP/1.1 200 ";
  size_t size = c->header_size + c->arguments.body;
  size_t taken = 0;
  int count = 0;

  for(; c->filled - taken >= size; taken += size, count++) {
    const char *response = c->buffer + taken;
    if(memcmp(response, status, sizeof(status) - 1) ||
       memcmp(response + c->header_size - 4, "\r\n\r\n", 4) ||
       !client_is_body(&c->arguments, response + c->header_size, 0,
                       c->arguments.body))
      client_fail("wrong response: %.40s", response);
  }
  c->filled -= taken;
  memmove(c->buffer, c->buffer + taken, c->filled);
  return count;
}

/* A write could block for ever, because the server may not read until its
   responses are read. With much in flight such a write must be avoided. */
static int may_write(const struct connection *c, int in_flight)
{
  struct pollfd ready = { .fd = c->socket, .events = POLLOUT };

  return in_flight <= c->most_at_once || poll(&ready, 1, 0) > 0;
}

static void phase(struct connection *c, int requests)
{
  int depth = c->arguments.depth;
  int begun = 0;
  int ended = 0;

  while(ended < requests) {
    int count = depth - (begun - ended);
    double now = client_now();
    int i;
    if(count > requests - begun)
      count = requests - begun;
    if(count > c->most_at_once)
      count = c->most_at_once;
    /* one write for half of the requests, not one for each that was
       answered */
    if(begun - ended > depth / 2 || !may_write(c, begun - ended))
      count = 0;
    for(i = 0; i < count; i++)
      c->begun[(begun + i) % depth] = now;
    write_requests(c, count);
    begun += count;
    read_some(c);
    if(!c->header_size)
      learn(c);
    count = take_responses(c);
    now = client_now();
    for(i = 0; i < count; i++, ended++)
      client_done(now - c->begun[ended % depth]);
  }
}

static void *ssl_malloc(size_t size, const char *file, int line)
{
  (void)file;
  (void)line;
  return client_malloc(size);
}

static void *ssl_realloc(void *old, size_t size, const char *file, int line)
{
  (void)file;
  (void)line;
  return client_realloc(old, size);
}

static void ssl_free(void *memory, const char *file, int line)
{
  (void)file;
  (void)line;
  free(memory);
}

int main(int count, char **words)
{
  struct connection c = { .socket = -1 };

  client_parse(&c.arguments, count, words);
  if(c.arguments.http != 1)
    client_cannot("another HTTP than HTTP/1.1");
  if(!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free))
    client_fail("CRYPTO_set_mem_functions failed");
  parse_url(&c);
  open_connection(&c);
  make_requests(&c);
  phase(&c, c.arguments.warmup);
  client_start(&c.arguments);
  phase(&c, c.arguments.requests);
  client_print(OpenSSL_version(OPENSSL_VERSION));
  return 0;
}
