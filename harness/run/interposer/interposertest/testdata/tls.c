/*
 * A TLS client: tls PORT COMMAND. Compiled with TLS_PLUGIN it is the same
 * client as a library for plugin_host.c. It prints what it can see of its own
 * calls, one line each, so that runs with and without the interposer can be
 * compared.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define CHUNK 16384

int tls_client(int port, const char *command);

static void fail(const char *what)
{
  perror(what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static int open_connection(int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if(fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
    fail("connect");
  return fd;
}

/* What a caller sees after a failed call. */
static void print_failure(const char *call, SSL *ssl, int ret)
{
  int saved_errno = errno;
  unsigned long queued = ERR_peek_error();

  printf("%s %d error %d", call, ret, SSL_get_error(ssl, ret));
  if(queued)
    printf(" queued %s\n", ERR_reason_error_string(queued));
  else
    printf(" errno %s\n", strerror(saved_errno));
  ERR_clear_error();
}

static int write_with(int use_ex, SSL *ssl, const char *data)
{
  size_t written;

  errno = 0;
  return use_ex ? SSL_write_ex(ssl, data, CHUNK, &written) :
    SSL_write(ssl, data, CHUNK);
}

static void write_until_blocked(int use_ex, SSL *ssl, const char *data)
{
  int ret;

  if(fcntl(SSL_get_fd(ssl), F_SETFL, O_NONBLOCK))
    fail("fcntl");
  do
    ret = write_with(use_ex, ssl, data);
  while(ret > 0);
  print_failure("blocked", ssl, ret);
}

static void wait_for_line(void)
{
  int c;

  fflush(stdout);
  do
    c = getchar();
  while(c != '\n' && c != EOF);
}

/* Repeats a blocked write until it succeeds. */
static void retry(int use_ex, SSL *ssl, const char *data)
{
  struct pollfd writable = { .fd = SSL_get_fd(ssl), .events = POLLOUT };
  int ret;

  wait_for_line();
  do {
    if(poll(&writable, 1, -1) < 0)
      fail("poll");
    ret = write_with(use_ex, ssl, data);
  } while(ret <= 0 && SSL_get_error(ssl, ret) == SSL_ERROR_WANT_WRITE);
  printf("retried %s\n", ret > 0 ? "written" : "failed");
}

/* Abandons a blocked write and makes another. */
static void retry_badly(SSL *ssl)
{
  char *other = malloc(CHUNK);

  if(!other)
    fail("malloc");
  memset(other, 'B', CHUNK);
  print_failure("bad retry", ssl, write_with(0, ssl, other));
  free(other);
}

int tls_client(int port, const char *command)
{
  SSL_CTX *context = SSL_CTX_new(SSLv23_client_method());
  SSL *unconnected = SSL_new(context);
  SSL *ssl = SSL_new(context);
  char *data = malloc(CHUNK);
  char answer[16];
  int fd = open_connection(port);

  if(!context || !unconnected || !ssl || !data)
    fail("SSL_new");
  memset(data, 'A', CHUNK);
  print_failure("no BIO", unconnected, SSL_connect(unconnected));
  SSL_free(unconnected);

  if(!SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
    fail("SSL_connect");
  if(!strcmp(command, "echo")) {
    printf("write %d\n", SSL_write(ssl, "hello", 5));
    printf("read %d\n", SSL_read(ssl, answer, sizeof(answer)));
  }
  else if(!strcmp(command, "retry")) {
    write_until_blocked(0, ssl, data);
    retry(0, ssl, data);
  }
  else if(!strcmp(command, "retry-ex")) {
    write_until_blocked(1, ssl, data);
    retry(1, ssl, data);
  }
  else if(!strcmp(command, "bad-retry")) {
    write_until_blocked(0, ssl, data);
    retry_badly(ssl);
  }
  else {
    fprintf(stderr, "tls: no command \"%s\"\n", command);
    return 2;
  }
  SSL_free(ssl);
  close(fd);
  SSL_CTX_free(context);
  free(data);
  return 0;
}

#ifndef TLS_PLUGIN
int main(int argc, char **argv)
{
  setvbuf(stdout, NULL, _IOLBF, 0);
  if(argc != 3)
    return 2;
  return tls_client(atoi(argv[1]), argv[2]);
}
#endif
