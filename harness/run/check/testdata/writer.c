/*
 * A client that sends one large request over TLS and, when the write of it is
 * blocked, goes on in the way that its first argument names:
 *
 *   same      the same write again, which is right
 *   other     the same buffer with other bytes in it
 *   shorter   the beginning of the request only, then the rest
 *   longer    the request with a second one behind it
 *   moved     the same bytes from another address
 *   moving    the same, with SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
 *   unset     the same, with that mode taken back
 *   shared    with other bytes, after it let go of one of two references
 *   cleared   on a new connection, after SSL_clear()
 *   left      not at all
 *   forked    the same in a process forked from one whose SSL object has the
 *             same address in its other child, which does not
 *   partial   SSL_MODE_ENABLE_PARTIAL_WRITE, what is left again as it was
 *   ex        through SSL_write_ex()
 *   ownbio    right, over a BIO of its own
 *   bio       right, with BIO_write() on a BIO_f_ssl()
 *   bioother  the same with other bytes
 *   memory    right, with OpenSSL between two BIOs in memory
 *   blocking  on a socket that waits
 *   room      in pieces, each when poll() says that there is room for it
 *   handshake another request after the handshake had the first one wait
 *
 *   writer WAY HOST PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY 300000
#define PIECE 1000

static const char *way;
static const char *host;
static const char *port;
static int fd;
static BIO *front; /* of BIO_f_ssl(), for the ways that write to it */

static int is(const char *name)
{
  return !strcmp(way, name);
}

static void fail(const char *what)
{
  fprintf(stderr, "%s\n", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static int own_write(BIO *bio, const char *data, int length)
{
  ssize_t sent = send(fd, data, (size_t)length, MSG_NOSIGNAL);

  BIO_clear_retry_flags(bio);
  if(sent < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_write(bio);
  return (int)sent;
}

static int own_read(BIO *bio, char *data, int length)
{
  static int late; /* what the handshake waits for, however early it arrives */
  ssize_t got;

  BIO_clear_retry_flags(bio);
  if(is("handshake") && !late++) {
    BIO_set_retry_read(bio);
    return -1;
  }
  got = recv(fd, data, (size_t)length, 0);
  if(got < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_read(bio);
  return (int)got;
}

static long own_ctrl(BIO *bio, int command, long number, void *pointer)
{
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static BIO *own_bio(void)
{
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index(), "own");
  BIO *bio;

  BIO_meth_set_write(method, own_write);
  BIO_meth_set_read(method, own_read);
  BIO_meth_set_ctrl(method, own_ctrl);
  bio = BIO_new(method);
  BIO_set_init(bio, 1);
  return bio;
}

/* A request whose body repeats one letter. */
static size_t request(char *into, const char *path, char letter)
{
  size_t head = (size_t)sprintf(into, "POST %s HTTP/1.1\r\nHost: h\r\n"
                                "Content-Length: %d\r\n\r\n", path, BODY);

  memset(into + head, letter, BODY);
  return head + BODY;
}

static int write_once(SSL *ssl, const char *data, size_t length,
                      size_t *written)
{
  int answer;

  if(is("room")) {
    struct pollfd one = { .fd = fd, .events = POLLOUT };
    poll(&one, 1, 10000);
    if(length > PIECE)
      length = PIECE;
  }
  if(is("ex"))
    return SSL_write_ex(ssl, data, length, written);
  if(front)
    answer = BIO_write(front, data, (int)length);
  else
    answer = SSL_write(ssl, data, (int)length);
  *written = answer > 0 ? (size_t)answer : 0;
  return answer;
}

/* Sends what OpenSSL has for the peer, and waits for the peer's bytes. */
static void move(SSL *ssl, int reads)
{
  static char bytes[1 << 14];
  struct pollfd one = { .fd = fd };
  int length;
  ssize_t done;

  while((length = BIO_read(SSL_get_wbio(ssl), bytes, sizeof(bytes))) > 0) {
    const char *rest = bytes;
    while(length) {
      one.events = POLLOUT;
      poll(&one, 1, 10000);
      done = send(fd, rest, (size_t)length, MSG_NOSIGNAL);
      if(done < 0 && errno != EAGAIN)
        fail("cannot send");
      if(done > 0) {
        rest += done;
        length -= (int)done;
      }
    }
  }
  if(!reads)
    return;
  one.events = POLLIN;
  poll(&one, 1, 10000);
  done = recv(fd, bytes, sizeof(bytes), 0);
  if(done <= 0)
    fail("the peer has gone");
  BIO_write(SSL_get_rbio(ssl), bytes, (int)done);
}

/* Waits as the result requires; false if it is not WANT_*. */
static int waited(SSL *ssl, int answer)
{
  struct pollfd one = { .fd = fd, .events = POLLIN };
  int error = SSL_get_error(ssl, answer);

  if(error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
    return 0;
  if(is("memory")) {
    move(ssl, 1);
    return 1;
  }
  if(error == SSL_ERROR_WANT_WRITE)
    one.events = POLLOUT;
  poll(&one, 1, 10000);
  return 1;
}

static void dial(void)
{
  struct addrinfo hint = { .ai_socktype = SOCK_STREAM };
  struct addrinfo *address;

  if(getaddrinfo(host, port, &hint, &address))
    fail("no such host");
  fd = socket(address->ai_family, SOCK_STREAM, 0);
  if(connect(fd, address->ai_addr, address->ai_addrlen))
    fail("cannot connect");
  freeaddrinfo(address);
  if(!is("blocking"))
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void shake(SSL *ssl)
{
  int answer;

  while((answer = SSL_connect(ssl)) != 1) {
    if(!waited(ssl, answer))
      fail("no handshake");
  }
}

static void start_over(SSL *ssl)
{
  close(fd);
  if(!SSL_clear(ssl))
    fail("cannot clear it");
  dial();
  SSL_set_fd(ssl, fd);
  SSL_set_connect_state(ssl);
  shake(ssl);
}

/* Sends the request, and misbehaves once. */
static void send_request(SSL *ssl, char *data, char *copy, size_t length)
{
  char *start = data;
  size_t all = length;
  int once = 1;
  size_t written;
  int answer;

  while(length) {
    answer = write_once(ssl, data, length, &written);
    if(answer > 0) {
      data += written;
      all -= written;
      length = all;
      continue;
    }
    if(!waited(ssl, answer))
      fail("a write was refused");
    if(!once)
      continue;
    once = 0;
    if(is("left"))
      exit(0);
    if(is("shared"))
      SSL_free(ssl);
    if(is("other") || is("bioother") || is("shared"))
      memset(data + length - BODY, 'o', BODY);
    else if(is("cleared")) {
      start_over(ssl);
      data = start;
      length = all = request(data, "/cleared", 'c');
    }
    else if(is("shorter"))
      length -= 1000;
    else if(is("longer")) {
      length += request(data + length, "/longer", 'l');
      all = length;
    }
    else if(is("moved") || is("moving") || is("unset")) {
      if(is("unset"))
        SSL_clear_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
      memcpy(copy, data, length);
      data = copy;
    }
  }
}

int main(int argc, char **argv)
{
  char letter = 'd';
  static char data[3 * BODY];
  static char copy[3 * BODY];
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL *ssl = SSL_new(context);
  size_t written;
  size_t length;
  int answer;

  if(argc != 4)
    fail("usage: writer WAY HOST PORT");
  way = argv[1];
  host = argv[2];
  port = argv[3];
  if(is("forked")) {
    if(!fork()) {
      way = "left";
      letter = 'l';
    }
    else
      wait(NULL);
  }
  dial();
  if(is("shared"))
    SSL_up_ref(ssl);
  if(is("moving") || is("unset"))
    SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if(is("partial"))
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
  if(is("ownbio") || is("handshake")) {
    BIO *bio = own_bio();
    SSL_set_bio(ssl, bio, bio);
  }
  else if(is("memory"))
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  else
    SSL_set_fd(ssl, fd);
  SSL_set_connect_state(ssl);
  if(is("handshake")) {
    length = request(copy, "/first", 'f');
    answer = write_once(ssl, copy, length, &written);
    if(answer > 0 || !waited(ssl, answer))
      fail("the handshake did not have the write wait");
  }
  else
    shake(ssl);
  if(is("bio") || is("bioother")) {
    front = BIO_new(BIO_f_ssl());
    BIO_set_ssl(front, ssl, BIO_NOCLOSE);
  }
  length = request(data, "/1", letter);
  send_request(ssl, data, copy, length);
  if(is("memory"))
    move(ssl, 0);
  while((answer = SSL_read(ssl, copy, sizeof(copy))) <= 0) {
    if(!waited(ssl, answer))
      fail("no response");
  }
  SSL_shutdown(ssl);
  if(is("memory"))
    move(ssl, 0);
  BIO_free(front);
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(fd);
  return 0;
}
