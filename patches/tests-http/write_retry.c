/*
 * Preloaded into curl: writes down each SSL_write(), and makes the socket's
 * send buffer small so that writes are blocked early.
 *
 * Each call is a line in the file that WRITE_RETRY_LOG names:
 *
 *   SSL BUFFER LENGTH HASH MOVING RESULT
 *
 * HASH is of all LENGTH bytes, MOVING is 1 when the SSL object accepts a moving
 * write buffer, and RESULT is "done", "blocked" (WANT_READ or WANT_WRITE) or
 * "failed".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct ssl_st SSL;

/* Part of OpenSSL's ABI. */
#define CTRL_MODE 33
#define MODE_ACCEPT_MOVING_WRITE_BUFFER 2
#define ERROR_WANT_READ 2
#define ERROR_WANT_WRITE 3

#define SEND_BUFFER 8192

int SSL_write(SSL *ssl, const void *data, int length);
int SSL_write_ex(SSL *ssl, const void *data, size_t length, size_t *written);

static void *real(const char *name)
{
  void *function = dlsym(RTLD_NEXT, name);

  if(!function) {
    fprintf(stderr, "write_retry: no %s() to stand before\n", name);
    abort();
  }
  return function;
}

static uint64_t hash(const unsigned char *data, size_t length)
{
  uint64_t sum = UINT64_C(0xcbf29ce484222325);

  while(length--) {
    sum ^= *data++;
    sum *= UINT64_C(0x100000001b3);
  }
  return sum;
}

/* Has to be called straight after the write, whose error it looks at. */
static void note(SSL *ssl, const void *data, size_t length, int moving, int ret)
{
  int saved = errno;
  const char *path = getenv("WRITE_RETRY_LOG");
  const char *result = "done";
  char line[256];
  int written;
  int fd;

  if(ret <= 0) {
    int (*get_error)(const SSL *, int) =
      (int (*)(const SSL *, int))real("SSL_get_error");
    int error = get_error(ssl, ret);

    result = (error == ERROR_WANT_READ || error == ERROR_WANT_WRITE) ?
      "blocked" : "failed";
  }
  if(path) {
    written = snprintf(line, sizeof(line), "%p %p %zu %016" PRIx64 " %d %s\n",
                       (void *)ssl, data, length, hash(data, length), moving,
                       result);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if(fd >= 0) {
      if(write(fd, line, (size_t)written) != written)
        perror("write_retry: cannot write the log");
      close(fd);
    }
  }
  errno = saved;
}

static int moving(SSL *ssl)
{
  long (*ctrl)(SSL *, int, long, void *) =
    (long (*)(SSL *, int, long, void *))real("SSL_ctrl");

  return !!(ctrl(ssl, CTRL_MODE, 0, NULL) & MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

int SSL_write(SSL *ssl, const void *data, int length)
{
  int (*function)(SSL *, const void *, int) =
    (int (*)(SSL *, const void *, int))real("SSL_write");
  int may_move = moving(ssl);
  int ret = function(ssl, data, length);

  note(ssl, data, length > 0 ? (size_t)length : 0, may_move, ret);
  return ret;
}

int SSL_write_ex(SSL *ssl, const void *data, size_t length, size_t *written)
{
  int (*function)(SSL *, const void *, size_t, size_t *) =
    (int (*)(SSL *, const void *, size_t, size_t *))real("SSL_write_ex");
  int may_move = moving(ssl);
  int ret = function(ssl, data, length, written);

  note(ssl, data, length, may_move, ret);
  return ret;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
  int (*function)(int, const struct sockaddr *, socklen_t) =
    (int (*)(int, const struct sockaddr *, socklen_t))real("connect");
  int bytes = SEND_BUFFER;

  if(address->sa_family == AF_INET || address->sa_family == AF_INET6)
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  return function(fd, address, length);
}
