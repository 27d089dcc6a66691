/*
 * Hooks for the calls of libssl that read, write or shake hands.
 *
 * Nothing of OpenSSL is included or linked: the prototypes below are the same
 * from 1.0.0 to 4.0, and SSL is opaque. The hooks do not change what the host
 * sees. errno is put back. The error queue is only read: SSL_get_error()
 * looks at it with ERR_peek_error() and must be called in the same thread
 * with no other OpenSSL call since the I/O (SSL_get_error(3)), so it is
 * called straight after, and what else is asked of the SSL object is asked
 * before. The host's own SSL_get_error() gets the same answer again.
 */

#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "owner.h"
#include "pending.h"
#include "real.h"
#include "socket.h"

typedef struct ssl_st SSL;

typedef int handshake_function(SSL *);
typedef int write_function(SSL *, const void *, int);
typedef int read_function(SSL *, void *, int);
typedef int write_ex_function(SSL *, const void *, size_t, size_t *);
typedef int write_ex2_function(SSL *, const void *, size_t, uint64_t,
                               size_t *);
typedef int read_ex_function(SSL *, void *, size_t, size_t *);
typedef void free_function(SSL *);
typedef int get_error_function(const SSL *, int);
typedef int get_fd_function(const SSL *);
typedef void *get_rbio_function(const SSL *);
typedef const char *version_function(int);
typedef size_t get_finished_function(const SSL *, void *, size_t);
typedef long ctrl_function(SSL *, int, long, void *);
typedef void end_function(void *, void *, void *, int, long, void *);
typedef int new_index_function(int, long, void *, void *, void *,
                               end_function *);
typedef int new_ssl_index_function(long, void *, void *, void *,
                                   end_function *);

/* Part of OpenSSL's ABI. */
#define SSL_CTRL_MODE 33
#define CRYPTO_EX_INDEX_SSL 0 /* since 1.1.0 */

handshake_function SSL_connect;
handshake_function SSL_accept;
handshake_function SSL_do_handshake;
handshake_function SSL_shutdown;
write_function SSL_write;
read_function SSL_read;
read_function SSL_peek;
write_ex_function SSL_write_ex;
write_ex2_function SSL_write_ex2;
write_ex_function SSL_write_early_data;
read_ex_function SSL_read_ex;
read_ex_function SSL_peek_ex;
free_function SSL_free;
handshake_function SSL_clear;

/* How many hooked calls this thread is in: libssl built without -Bsymbolic
   comes back through the hooks (SSL_connect() to SSL_do_handshake()), and a
   BIO may be another SSL. Only the outermost call is the host's. */
static __thread int depth;

/* True while the host's own call is a read. */
static __thread bool reading;

bool tls_inside_call(void)
{
  return depth > 0;
}

bool tls_inside_read(void)
{
  return reading;
}

/* True from the start of a write of the host that must be blocked until
   OpenSSL has tried the socket. */
static __thread bool blocked;

bool tls_takes_blocked_write(void)
{
  bool due = blocked;

  blocked = false;
  return due;
}

/* The SSL object of the host's own call, if it does not name its socket. */
static __thread const SSL *homeless;

bool tls_wants_socket(void)
{
  return homeless != NULL;
}

void tls_note_socket(int fd)
{
  owner_note(homeless, fd);
  homeless = NULL;
}

/* The socket of ssl, or -1. SSL_get_fd() adds an error to the queue if there
   is no BIO yet, so that is checked first. */
static int socket_of(const SSL *ssl)
{
  static struct real_function get_rbio;
  static struct real_function get_fd;

  if(!((get_rbio_function *)real_openssl(&get_rbio, "SSL_get_rbio", ssl))(ssl))
    return -1;
  return ((get_fd_function *)real_openssl(&get_fd, "SSL_get_fd", ssl))(ssl);
}

/* OpenSSL calls this when the last reference to ssl is released, by whichever
   call. The end is reported before it happens: after it, another thread may
   get the same address for a new SSL object. */
static void ends(void *ssl, void *value, void *data, int index, long number,
                 void *pointer)
{
  struct event event = { .call = "SSL_free", .ret = 1, .error = "" };
  int saved_errno = errno;
  struct identity identity;
  int fd = socket_of(ssl);

  (void)value;
  (void)data;
  (void)index;
  (void)number;
  (void)pointer;
  pending_forget(ssl);
  event.fd = fd < 0 ? owner_socket(ssl) : fd;
  if(owner_forget(ssl, &identity)) {
    event.ssl = &identity;
    event_write(&event);
  }
  errno = saved_errno;
}

/* Makes OpenSSL report the end of an SSL object. Nothing is stored in the
   objects. */
static void watch_ends(const SSL *ssl)
{
  new_index_function *new_index =
    (new_index_function *)some_openssl("CRYPTO_get_ex_new_index", ssl);
  new_ssl_index_function *before_1_1_0 =
    (new_ssl_index_function *)some_openssl("SSL_get_ex_new_index", ssl);

  if(before_1_1_0)
    before_1_1_0(0, NULL, NULL, NULL, ends);
  else if(new_index)
    new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, NULL, ends);
}

/* Sees an OpenSSL for the first time, and reports once which it is. */
static void meet(const SSL *ssl)
{
  static bool met[REAL_LIBRARIES];
  static bool told;
  version_function *version;

  if(__atomic_exchange_n(&met[real_library(ssl, NULL)], true, __ATOMIC_RELAXED))
    return;
  watch_ends(ssl);
  if(__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
    return;
  version = (version_function *)some_openssl("OpenSSL_version", ssl);
  if(!version) /* before 1.1.0 */
    version = (version_function *)some_openssl("SSLeay_version", ssl);
  if(version)
    event_write_version(version(0));
}

static struct tls_call enter(const char *name, SSL *ssl)
{
  struct tls_call call = { .name = name, .ssl = ssl, .fd = -1 };

  if(ssl && !depth && (events_enabled() || socket_clamps())) {
    int saved_errno = errno;
    call.fd = socket_of(ssl);
    homeless = call.fd < 0 ? ssl : NULL;
    socket_clamp(call.fd);
    call.reported = events_enabled();
    if(call.reported) {
      meet(ssl);
      call.identity = owner_identity(ssl);
    }
    errno = saved_errno;
  }
  depth++;
  return call;
}

struct tls_call tls_enter_write(const char *name, SSL *ssl)
{
  struct tls_call call = enter(name, ssl);

  if(depth == 1)
    blocked = socket_write_is_due();
  return call;
}

static struct tls_call enter_read(const char *name, SSL *ssl)
{
  struct tls_call call = enter(name, ssl);

  reading = depth == 1;
  return call;
}

/* The result of SSL_get_error() for ret, without the prefix "SSL_ERROR_". */
static const char *error_name(const SSL *ssl, int ret)
{
  /* the numbers are part of OpenSSL's ABI */
  static const char * const names[] = {
    "", "SSL", "WANT_READ", "WANT_WRITE", "WANT_X509_LOOKUP", "SYSCALL",
    "ZERO_RETURN", "WANT_CONNECT", "WANT_ACCEPT", "WANT_ASYNC",
    "WANT_ASYNC_JOB", "WANT_CLIENT_HELLO_CB", "WANT_RETRY_VERIFY"
  };
  static struct real_function get_error;
  int error;

  if(ret > 0)
    return "";
  error = ((get_error_function *)real_openssl(&get_error, "SSL_get_error", ssl))
    (ssl, ret);
  if(error < 0 || (size_t)error >= sizeof(names) / sizeof(names[0]))
    return "UNKNOWN";
  return names[error];
}

/* Whether the first handshake of ssl is complete. Both ends have then sent
   their Finished, which a renegotiation does not undo. */
static bool shaken(const SSL *ssl)
{
  static struct real_function own;
  static struct real_function peer;
  char none[1];

  return ((get_finished_function *)
           real_openssl(&own, "SSL_get_finished", ssl))(ssl, none, 0) &&
         ((get_finished_function *)
           real_openssl(&peer, "SSL_get_peer_finished", ssl))(ssl, none, 0);
}

/* Whether a write to the socket waits instead of failing. */
static bool blocks(int fd)
{
  int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

  return flags >= 0 && !(flags & O_NONBLOCK);
}

/* SSL_get_mode(), which is a macro. */
static long mode_of(SSL *ssl)
{
  static struct real_function ctrl;

  return ((ctrl_function *)real_openssl(&ctrl, "SSL_ctrl", ssl))
    (ssl, SSL_CTRL_MODE, 0, NULL);
}

/* What the pointers in the event of a write point to. */
struct note {
  size_t same;
  long mode;
};

/* Adds to the event of a write what the next write on the object is compared
   with, and how it differs from the last one if that was blocked. */
static void note_write(struct event *event, const struct tls_call *call,
                       const void *buf, struct note *note)
{
  size_t len = *event->len;
  struct pending *before = pending_take(call->ssl);
  struct pending *next = NULL;
  bool again = false;

  event->buf = buf;
  event->blocking = blocks(event->fd);
  if(before) {
    note->same = pending_same(before, buf, len);
    event->same = &note->same;
    again = note->same == len && len == before->len;
  }
  event->hash = again ? before->hash : event_hash(EVENT_HASH_START, buf, len);
  if(!strncmp(event->error, "WANT_", 5)) {
    event->handshake = !call->early && !shaken(call->ssl);
    next = again ? before : pending_copy(call->ssl, buf, len, event->hash);
  }
  if(next)
    pending_keep(next);
  if(before != next)
    free(before);
  if(event->same || next) {
    note->mode = mode_of(call->ssl);
    event->mode = &note->mode;
  }
}

void tls_leave(const struct tls_call *call, int ret, const void *buf,
               const size_t *len, const size_t *moved)
{
  struct event event;
  struct note note;
  int saved_errno = errno;
  int fd = call->fd;

  depth--;
  if(!depth) {
    reading = blocked = false;
    homeless = NULL;
  }
  if(!call->reported)
    return;
  if(fd < 0)
    fd = owner_socket(call->ssl);
  event = (struct event) {
    .call = call->name, .ssl = &call->identity, .fd = fd, .len = len,
    .moved = moved, .ret = ret, .error = error_name(call->ssl, ret)
  };
  if(buf)
    note_write(&event, call, buf, &note);
  event_write(&event);
  errno = saved_errno;
}

#define HANDSHAKE_HOOK(name)                                            \
  int name(SSL *ssl)                                                    \
  {                                                                     \
    static struct real_function real;                                   \
    handshake_function *function = real_openssl(&real, #name, ssl);     \
    struct tls_call call = enter(#name, ssl);                           \
    int ret = function(ssl);                                            \
    tls_leave(&call, ret, NULL, NULL, NULL);                            \
    return ret;                                                         \
  }

HANDSHAKE_HOOK(SSL_connect)
HANDSHAKE_HOOK(SSL_accept)
HANDSHAKE_HOOK(SSL_do_handshake)
HANDSHAKE_HOOK(SSL_shutdown)

#define READ_HOOK(name)                                                 \
  int name(SSL *ssl, void *buf, int num)                                \
  {                                                                     \
    static struct real_function real;                                   \
    read_function *function = real_openssl(&real, #name, ssl);          \
    struct tls_call call = enter_read(#name, ssl);                      \
    int ret = function(ssl, buf, num);                                  \
    size_t len = num > 0 ? (size_t)num : 0;                             \
    tls_leave(&call, ret, NULL, &len, NULL);                            \
    return ret;                                                         \
  }

READ_HOOK(SSL_read)
READ_HOOK(SSL_peek)

#define READ_EX_HOOK(name)                                              \
  int name(SSL *ssl, void *buf, size_t num, size_t *read_bytes)         \
  {                                                                     \
    static struct real_function real;                                   \
    read_ex_function *function = real_openssl(&real, #name, ssl);       \
    struct tls_call call = enter_read(#name, ssl);                      \
    int ret = function(ssl, buf, num, read_bytes);                      \
    tls_leave(&call, ret, NULL, &num, ret > 0 ? read_bytes : NULL);     \
    return ret;                                                         \
  }

READ_EX_HOOK(SSL_read_ex)
READ_EX_HOOK(SSL_peek_ex)

int SSL_write(SSL *ssl, const void *buf, int num)
{
  static struct real_function real;
  write_function *function = real_openssl(&real, "SSL_write", ssl);
  struct tls_call call = tls_enter_write("SSL_write", ssl);
  int ret = function(ssl, buf, num);
  size_t len = buf && num > 0 ? (size_t)num : 0;

  tls_leave(&call, ret, buf ? buf : "", &len, NULL);
  return ret;
}

int SSL_write_ex(SSL *ssl, const void *buf, size_t num, size_t *written)
{
  static struct real_function real;
  write_ex_function *function = real_openssl(&real, "SSL_write_ex", ssl);
  struct tls_call call = tls_enter_write("SSL_write_ex", ssl);
  int ret = function(ssl, buf, num, written);

  tls_leave(&call, ret, buf ? buf : "", &num, ret > 0 ? written : NULL);
  return ret;
}

int SSL_write_ex2(SSL *ssl, const void *buf, size_t num, uint64_t flags,
                  size_t *written)
{
  static struct real_function real;
  write_ex2_function *function = real_openssl(&real, "SSL_write_ex2", ssl);
  struct tls_call call = tls_enter_write("SSL_write_ex2", ssl);
  int ret = function(ssl, buf, num, flags, written);

  tls_leave(&call, ret, buf ? buf : "", &num, ret > 0 ? written : NULL);
  return ret;
}

int SSL_write_early_data(SSL *ssl, const void *buf, size_t num,
                         size_t *written)
{
  static struct real_function real;
  write_ex_function *function =
    real_openssl(&real, "SSL_write_early_data", ssl);
  struct tls_call call = tls_enter_write("SSL_write_early_data", ssl);
  int ret;

  call.early = true;
  ret = function(ssl, buf, num, written);
  tls_leave(&call, ret, buf ? buf : "", &num, ret > 0 ? written : NULL);
  return ret;
}

/* What OpenSSL sends in it is not the host's; ends() reports the end. */
void SSL_free(SSL *ssl)
{
  static struct real_function real;
  free_function *function = real_openssl(&real, "SSL_free", ssl);

  depth++;
  function(ssl);
  depth--;
}

/* The connection is abandoned, and with it a blocked write. (OpenSSL itself
   calls this for a new object, too.) */
int SSL_clear(SSL *ssl)
{
  static struct real_function real;
  handshake_function *function = real_openssl(&real, "SSL_clear", ssl);
  struct pending *given_up = depth ? NULL : pending_take(ssl);
  struct tls_call call;
  int ret;

  if(!given_up)
    return function(ssl);
  call = enter("SSL_clear", ssl);
  ret = function(ssl);
  if(ret)
    free(given_up);
  else
    pending_keep(given_up);
  tls_leave(&call, ret, NULL, NULL, NULL);
  return ret;
}
