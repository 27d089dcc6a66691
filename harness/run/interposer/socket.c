/*
 * Hooks for the socket calls of libc, on TCP sockets only.
 *
 * send(), sendto(), sendmsg(), write() and writev() are all reported as the
 * call "send", and only where the host itself sends: what OpenSSL writes
 * inside a hooked TLS call is part of that call's event. connect() and
 * close() are always reported.
 *
 * PIPELAB_SEND_BUFFER=BYTES in the environment sets SO_SNDBUF at connect(), or
 * before the first write where something else than libc connects (the kernel
 * doubles the number, for its own bookkeeping), which is how a scenario makes
 * any client's writes block early; it is reported as the call "setsockopt" with
 * the bytes asked for as len.
 *
 * PIPELAB_BLOCKED_SEND=N makes the Nth write of the host, an SSL_write() or a
 * send() on plain TCP, find the socket full: the write fails with EAGAIN, and
 * SSL_write() answers WANT_WRITE. PIPELAB_BLOCKED_READS=N does the same to the
 * first N writes of OpenSSL within a call that reads. No peer can bring either
 * about at a given moment.
 */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "events.h"
#include "real.h"
#include "socket.h"
#include "tls.h"

typedef ssize_t send_function(int, const void *, size_t, int);
typedef ssize_t sendto_function(int, const void *, size_t, int,
                                const struct sockaddr *, socklen_t);
typedef ssize_t sendmsg_function(int, const struct msghdr *, int);
typedef ssize_t write_function(int, const void *, size_t);
typedef ssize_t writev_function(int, const struct iovec *, int);
typedef int connect_function(int, const struct sockaddr *, socklen_t);
typedef int close_function(int);

/* SO_SNDBUF for every TCP socket that connects; 0: unchanged. */
static int send_buffer;

/* The send that must fail, counted from now on. */
static int sends_until_blocked;

/* How many more writes within a read must fail. */
static int blocked_reads;

/* The positive number in a variable, or 0. */
static int number_from_environment(const char *name)
{
  const char *text = getenv(name);
  int saved_errno = errno;
  int number = 0;
  char *end;
  long value;

  if(!text || !*text)
    return 0;
  errno = 0;
  value = strtol(text, &end, 10);
  if(!errno && !*end && value > 0 && value <= INT_MAX)
    number = (int)value;
  errno = saved_errno;
  return number;
}

__attribute__((constructor)) static void read_environment(void)
{
  send_buffer = number_from_environment("PIPELAB_SEND_BUFFER");
  sends_until_blocked = number_from_environment("PIPELAB_BLOCKED_SEND");
  blocked_reads = number_from_environment("PIPELAB_BLOCKED_READS");
}

/* Leaves errno alone. */
static bool is_tcp(int fd)
{
  int saved_errno = errno;
  int domain = 0;
  int type = 0;
  socklen_t domain_size = sizeof(domain);
  socklen_t type_size = sizeof(type);
  bool tcp =
    !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) &&
    (domain == AF_INET || domain == AF_INET6) &&
    !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) &&
    type == SOCK_STREAM;

  errno = saved_errno;
  return tcp;
}

/* Decrements the number unless it is 0; returns false if it is. */
static bool count_down(int *number)
{
  int left = __atomic_load_n(number, __ATOMIC_RELAXED);

  while(left > 0) {
    if(__atomic_compare_exchange_n(number, &left, left - 1, false,
                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return true;
  }
  return false;
}

/* True if a write of OpenSSL's must fail: one within a read, or within the
   write of the host that must fail. */
static bool takes_blocked_tls(void)
{
  return tls_inside_read() ? count_down(&blocked_reads) :
    tls_takes_blocked_write();
}

bool socket_write_is_due(void)
{
  return count_down(&sends_until_blocked) &&
    !__atomic_load_n(&sends_until_blocked, __ATOMIC_RELAXED);
}

/* True if this send on fd is the one that must fail. */
static bool takes_blocked_send(int fd)
{
  return __atomic_load_n(&sends_until_blocked, __ATOMIC_RELAXED) > 0 &&
    !tls_inside_call() && is_tcp(fd) && socket_write_is_due();
}

static const char *error_name(long ret)
{
  if(ret >= 0)
    return "";
  if(errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS)
    return "WANT_WRITE";
  return "SYSCALL";
}

/* Reports a call without a buffer; preserves errno. */
static void report(const char *call, int fd, long ret)
{
  struct event event = {
    .call = call, .fd = fd, .ret = ret, .error = error_name(ret)
  };
  int saved_errno = errno;

  event_write(&event);
  errno = saved_errno;
}

/* Limits the send buffer of a socket; preserves errno. */
static void clamp_send_buffer(int fd)
{
  int saved_errno = errno;
  size_t len = (size_t)send_buffer;
  int ret = setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer,
                       sizeof(send_buffer));
  struct event event = {
    .call = "setsockopt", .fd = fd, .len = &len, .ret = ret,
    .error = error_name(ret)
  };

  event_write(&event);
  errno = saved_errno;
}

bool socket_clamps(void)
{
  return send_buffer > 0;
}

void socket_clamp(int fd)
{
  int saved_errno = errno;
  int size = 0;
  socklen_t len = sizeof(size);

  if(send_buffer && fd >= 0 && is_tcp(fd) &&
     !getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) &&
     size / 2 > send_buffer)
    clamp_send_buffer(fd);
  errno = saved_errno;
}

/* True if the host's sends on fd are reported. */
static bool sends_plain(int fd)
{
  if(tls_inside_call()) {
    if(tls_wants_socket() && is_tcp(fd)) {
      tls_note_socket(fd);
      socket_clamp(fd);
    }
  }
  else
    socket_clamp(fd);
  return events_enabled() && !tls_inside_call() && is_tcp(fd);
}

/* Reports a send of count pieces; preserves errno. A buffer that the kernel
   could not read is not read here either. */
static void report_send(int fd, const struct iovec *pieces, size_t count,
                        ssize_t ret)
{
  struct event event = {
    .call = "send", .fd = fd, .ret = ret, .error = error_name(ret),
    .hash = EVENT_HASH_START
  };
  int saved_errno = errno;
  size_t len = 0;
  size_t i;

  if(ret < 0 && errno == EFAULT) {
    report("send", fd, ret);
    return;
  }
  for(i = 0; i < count; i++) {
    if(!event.buf)
      event.buf = pieces[i].iov_base;
    event.hash = event_hash(event.hash, pieces[i].iov_base,
                            pieces[i].iov_len);
    len += pieces[i].iov_len;
  }
  event.len = &len;
  event_write(&event);
  errno = saved_errno;
}

static void report_send_buffer(int fd, const void *buf, size_t len,
                               ssize_t ret)
{
  struct iovec piece = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };

  report_send(fd, &piece, 1, ret);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
  static void *real;
  send_function *function = real_libc(&real, "send");
  bool reported = sends_plain(fd);
  ssize_t ret = -1;

  if(takes_blocked_send(fd))
    errno = EAGAIN;
  else
    ret = function(fd, buf, len, flags);
  if(reported)
    report_send_buffer(fd, buf, len, ret);
  return ret;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
               const struct sockaddr *address, socklen_t address_len)
{
  static void *real;
  sendto_function *function = real_libc(&real, "sendto");
  bool reported = sends_plain(fd);
  ssize_t ret = function(fd, buf, len, flags, address, address_len);

  if(reported)
    report_send_buffer(fd, buf, len, ret);
  return ret;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
  static void *real;
  sendmsg_function *function = real_libc(&real, "sendmsg");
  bool reported = sends_plain(fd);
  ssize_t ret = function(fd, message, flags);

  if(reported)
    report_send(fd, message->msg_iov, message->msg_iovlen, ret);
  return ret;
}

ssize_t write(int fd, const void *buf, size_t len)
{
  static void *real;
  write_function *function = real_libc(&real, "write");
  bool reported = sends_plain(fd);
  ssize_t ret;

  if(takes_blocked_tls()) {
    errno = EAGAIN;
    return -1;
  }
  ret = function(fd, buf, len);
  if(reported)
    report_send_buffer(fd, buf, len, ret);
  return ret;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
  static void *real;
  writev_function *function = real_libc(&real, "writev");
  bool reported = count > 0 && sends_plain(fd);
  ssize_t ret = function(fd, pieces, count);

  if(reported)
    report_send(fd, pieces, (size_t)count, ret);
  return ret;
}

int connect(int fd, const struct sockaddr *address, socklen_t address_len)
{
  static void *real;
  connect_function *function = real_libc(&real, "connect");
  bool tcp = (events_enabled() || send_buffer) && is_tcp(fd);
  int ret;

  if(tcp && send_buffer)
    clamp_send_buffer(fd);
  ret = function(fd, address, address_len);
  if(tcp)
    report("connect", fd, ret);
  return ret;
}

/* Reports that a socket is about to be closed; preserves errno. Bytes that TCP
   has received and the host has not read make the kernel send a RST. */
static void report_close(int fd)
{
  struct event event = { .call = "close", .fd = fd, .error = "" };
  int saved_errno = errno;
  int bytes = 0;
  size_t unread;

  if(!ioctl(fd, FIONREAD, &bytes) && bytes >= 0) {
    unread = (size_t)bytes;
    event.unread = &unread;
  }
  event_write(&event);
  errno = saved_errno;
}

/* Reported before the call: after it, another thread may get the same number
   for a new socket, whose events must follow this one. */
int close(int fd)
{
  static void *real;
  close_function *function = real_libc(&real, "close");

  if(events_enabled() && is_tcp(fd))
    report_close(fd);
  return function(fd);
}
