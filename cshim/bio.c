/*
 * bio.c: a BIO between OpenSSL and the socket of a connection that requests
 * share. libcurl makes at least one system call for each TLS record, and there
 * is a record for each request and each response. This BIO buffers what is
 * written until the loop has nothing else to do or the buffer is full, and
 * reads everything that the socket has at once.
 *
 * To OpenSSL it behaves like a socket: bytes that do not fit are refused with
 * a retry, and a flush sends. bio_settle(), which the loop calls before it
 * sleeps, sends the buffered bytes. No poll sees what was read ahead, so the
 * loop also calls bio_next_input() before it sleeps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"
#include "openssl.h"

/* Sizes of the buffers for what was read ahead and for what waits to be
   sent. */
#define INPUT_SIZE (32 * 1024)
#define OUTPUT_SIZE (16 * 1024)

/* From OpenSSL's headers, the same in every release since 1.1.1. */
#define SSL_CTRL_CLEAR_MODE 78
#define SSL_MODE_RELEASE_BUFFERS 0x10
#define BIO_TYPE_SOCKET 0x0505
#define BIO_TYPE_OF_LIBCURL 0x0401 /* BIO_TYPE_MEM, since libcurl 7.87.0 */
#define BIO_TYPE_FILTER 0x0200
#define BIO_CTRL_EOF 2
#define BIO_CTRL_PENDING 10
#define BIO_CTRL_FLUSH 11
#define BIO_CTRL_WPENDING 13
#define BIO_SHOULD_RETRY 0x08 /* BIO_FLAGS_SHOULD_RETRY */
#define BIO_READ_RETRY 0x09 /* BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY */
#define BIO_WRITE_RETRY 0x0a /* BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY */
#define BIO_ALL_RETRY 0x0f /* BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY */

/* Bytes between start and end. Empty spans have no memory. */
struct span {
  char *data;
  size_t start;
  size_t end;
};

struct bio {
  struct cshim_loop *loop;
  struct connection *connection;
  void *ssl;
  curl_socket_t socket;
  void *below; /* libcurl's own BIO; NULL if OpenSSL has the socket */
  struct span input;
  struct span output;
  uint64_t drained; /* the turn of the loop in which the socket was empty */
  bool blocked; /* the socket was full; the loop waits until it is not */
  bool ended; /* the server has closed its side */
  int failure; /* errno of a failed send; nothing is sent after it */
  bool busy; /* in the loop's list of BIOs that hold bytes */
  struct bio *next;
  struct bio *previous;
};

static size_t span_length(const struct span *span)
{
  return span->end - span->start;
}

static void span_free(struct span *span)
{
  free(span->data);
  memset(span, 0, sizeof(*span));
}

static bool span_allocate(struct span *span, size_t size)
{
  if(!span->data)
    span->data = malloc(size);
  return span->data != NULL;
}

static void make_busy(struct bio *bio)
{
  struct cshim_loop *loop = bio->loop;
  if(bio->busy)
    return;
  bio->busy = true;
  bio->previous = NULL;
  bio->next = loop->busy;
  if(bio->next)
    bio->next->previous = bio;
  loop->busy = bio;
}

static void make_idle(struct bio *bio)
{
  struct cshim_loop *loop = bio->loop;
  span_free(&bio->input);
  span_free(&bio->output);
  if(!bio->busy)
    return;
  bio->busy = false;
  if(loop->next_busy == bio)
    loop->next_busy = bio->next;
  if(bio->next)
    bio->next->previous = bio->previous;
  if(bio->previous)
    bio->previous->next = bio->next;
  else
    loop->busy = bio->next;
}

static void set_blocked(struct bio *bio, bool blocked)
{
  if(bio->blocked == blocked)
    return;
  bio->blocked = blocked;
  watch_output(bio->connection, blocked);
}

/* Sends to the socket. If the result is negative, nothing was sent, and errno
   says why. */
static ssize_t send_now(struct bio *bio, const char *data, size_t length)
{
  ssize_t sent;
  do
    sent = send(bio->socket, data, length, MSG_NOSIGNAL);
  while(sent < 0 && errno == EINTR);
  return sent;
}

static bool would_block(void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Sends the buffered bytes. Returns false if some are left or sending
   failed. */
static bool flush(struct bio *bio)
{
  struct span *output = &bio->output;
  while(span_length(output)) {
    ssize_t sent = send_now(bio, output->data + output->start,
                            span_length(output));
    if(sent < 0) {
      if(would_block()) {
        set_blocked(bio, true);
        return false;
      }
      bio->failure = errno;
      shutdown(bio->socket, SHUT_WR); /* after a failure nothing more may be
                                         sent: bytes would be missing */
      break;
    }
    output->start += (size_t)sent;
  }
  output->start = output->end = 0;
  set_blocked(bio, false);
  return !bio->failure;
}

/* Whether this many more bytes fit into the buffer. Sends what is in it if
   they do not. */
static bool make_room(struct bio *bio, size_t length)
{
  struct span *output = &bio->output;
  if(output->end + length > OUTPUT_SIZE && !flush(bio)) {
    if(bio->failure)
      return false;
    memmove(output->data, output->data + output->start, span_length(output));
    output->end -= output->start;
    output->start = 0;
  }
  return output->end + length <= OUTPUT_SIZE &&
         span_allocate(output, OUTPUT_SIZE);
}

static int on_write(void *handle, const char *data, int size)
{
  const struct openssl *openssl = openssl_loaded();
  struct bio *bio = openssl->bio_get_data(handle);
  struct span *output = &bio->output;
  ssize_t sent = -1;

  openssl->bio_clear_flags(handle, BIO_ALL_RETRY);
  if(size <= 0)
    return 0;
  if(!bio->failure && make_room(bio, (size_t)size)) {
    memcpy(output->data + output->end, data, (size_t)size);
    output->end += (size_t)size;
    make_busy(bio);
    return size;
  }
  if(bio->failure && bio->below)
    return openssl->bio_write(bio->below, data, size); /* for it to know */
  if(bio->failure) {
    errno = bio->failure;
    return -1;
  }
  /* data larger than the buffer is sent directly, after what is in it */
  if(span_length(output))
    errno = EAGAIN;
  else
    sent = send_now(bio, data, (size_t)size);
  if(sent < 0 && would_block())
    openssl->bio_set_flags(handle, BIO_WRITE_RETRY);
  return (int)sent;
}

/* Reads from the socket, through libcurl's BIO if there is one, because
   libcurl looks at its result. Sets *again when there is nothing to read
   yet. */
static ssize_t receive(struct bio *bio, char *data, size_t size, bool *again)
{
  const struct openssl *openssl = openssl_loaded();
  ssize_t got;
  if(bio->below) {
    got = openssl->bio_read(bio->below, data, (int)size);
    *again = got < 0 && openssl->bio_flags(bio->below, BIO_SHOULD_RETRY);
    return got;
  }
  do
    got = recv(bio->socket, data, size, 0);
  while(got < 0 && errno == EINTR);
  *again = got < 0 && would_block();
  return got;
}

/* Reads from the socket, unless it was empty in this turn. */
static ssize_t receive_now(void *handle, struct bio *bio, char *data,
                           size_t size)
{
  bool again = bio->drained == bio->loop->turn;
  ssize_t got = again ? -1 : receive(bio, data, size, &again);
  if(again)
    openssl_loaded()->bio_set_flags(handle, BIO_READ_RETRY);
  else if(!got)
    bio->ended = true;
  /* there may be more by now; the next wait shows it */
  if(again || (got > 0 && (size_t)got < size))
    bio->drained = bio->loop->turn;
  return got;
}

static int on_read(void *handle, char *data, int size)
{
  const struct openssl *openssl = openssl_loaded();
  struct bio *bio = openssl->bio_get_data(handle);
  struct span *input = &bio->input;
  size_t length;

  openssl->bio_clear_flags(handle, BIO_ALL_RETRY);
  if(size <= 0)
    return 0;
  if(!span_length(input)) {
    ssize_t got;
    if((size_t)size >= INPUT_SIZE || !span_allocate(input, INPUT_SIZE))
      return (int)receive_now(handle, bio, data, (size_t)size);
    got = receive_now(handle, bio, input->data, INPUT_SIZE);
    if(got <= 0)
      return (int)got;
    input->start = 0;
    input->end = (size_t)got;
    make_busy(bio);
  }
  length = span_length(input);
  if(length > (size_t)size)
    length = (size_t)size;
  memcpy(data, input->data + input->start, length);
  input->start += length;
  bio->loop->input_taken += length;
  return (int)length;
}

static long on_control(void *handle, int command, long number, void *pointer)
{
  const struct openssl *openssl = openssl_loaded();
  struct bio *bio = openssl->bio_get_data(handle);
  void *below = openssl->bio_below(handle);

  switch(command) {
  case BIO_CTRL_FLUSH:
    openssl->bio_clear_flags(handle, BIO_ALL_RETRY);
    if(flush(bio))
      return 1;
    if(!bio->failure)
      openssl->bio_set_flags(handle, BIO_WRITE_RETRY);
    return -1;
  case BIO_CTRL_PENDING:
    return (long)span_length(&bio->input);
  case BIO_CTRL_WPENDING:
    return (long)span_length(&bio->output);
  case BIO_CTRL_EOF:
    return bio->ended && !span_length(&bio->input);
  default:
    return below ? openssl->bio_control(below, command, number, pointer) : 0;
  }
}

static int on_destroy(void *handle)
{
  struct bio *bio = openssl_loaded()->bio_get_data(handle);
  if(bio) {
    set_blocked(bio, false);
    make_idle(bio);
    bio->connection->bio = NULL;
    free(bio);
  }
  return 1;
}

/* The BIO_METHOD, made once for the life of the process. */
static void *method_of(const struct openssl *openssl)
{
  static _Atomic(void *) kept;
  void *method = kept;
  void *none = NULL;
  if(method)
    return method;
  method = openssl->method_new(BIO_TYPE_FILTER, "cshim");
  if(!method)
    return NULL;
  openssl->method_set_write(method, on_write);
  openssl->method_set_read(method, on_read);
  openssl->method_set_control(method, on_control);
  openssl->method_set_destroy(method, on_destroy);
  /* a thread that comes second leaks its own method, once */
  return atomic_compare_exchange_strong(&kept, &none, method) ? method : none;
}

void *bio_install(struct connection *connection, void *ssl)
{
  const struct openssl *openssl = openssl_loaded();
  void *below = openssl->bio_of(ssl);
  void *method = method_of(openssl);
  int type = openssl->bio_type(below);
  struct bio *bio;
  void *handle;

  if(!method || connection->bio ||
     (type != BIO_TYPE_SOCKET && type != BIO_TYPE_OF_LIBCURL))
    return below;
  bio = calloc(1, sizeof(*bio));
  handle = bio ? openssl->bio_new(method) : NULL;
  if(!handle) {
    free(bio);
    return below;
  }
  bio->loop = connection->loop;
  bio->connection = connection;
  bio->ssl = ssl;
  bio->socket = connection->socket;
  if(type == BIO_TYPE_OF_LIBCURL)
    bio->below = below;
  connection->bio = bio;
  openssl->bio_set_data(handle, bio);
  openssl->bio_set_init(handle, 1);
  openssl->bio_share(below); /* set_bio releases the SSL's reference to it */
  openssl->bio_push(handle, below);
  openssl->set_bio(ssl, handle, handle);
  /* libcurl has OpenSSL allocate its buffers for each record; bio_settle()
     frees them when there is nothing more to do */
  openssl->control(ssl, SSL_CTRL_CLEAR_MODE, SSL_MODE_RELEASE_BUFFERS, NULL);
  return handle;
}

void bio_writable(struct connection *connection)
{
  if(connection->bio && connection->bio->blocked)
    flush(connection->bio);
}

/* Reads, through TLS, data that was read ahead of libcurl, and nothing else.
   Returns 0 if there is no more of it, or if it is not application data. */
size_t bio_take(struct connection *connection, void *data, size_t size)
{
  const struct openssl *openssl = openssl_loaded();
  struct bio *bio = connection->bio;
  uint64_t drained;
  int length;
  if(!bio || (!span_length(&bio->input) && !openssl->has_pending(bio->ssl)))
    return 0;
  drained = bio->drained;
  bio->drained = bio->loop->turn; /* OpenSSL is told that the socket is
                                     empty */
  openssl->clear_errors();
  length = openssl->read(bio->ssl, data, (int)size);
  openssl->clear_errors();
  bio->drained = drained;
  return length > 0 ? (size_t)length : 0;
}

/* Whether some of what was read ahead was not yet given to OpenSSL. */
bool bio_has_input(const struct connection *connection)
{
  return connection->bio && span_length(&connection->bio->input);
}

struct connection *bio_first_input(struct cshim_loop *loop)
{
  loop->next_busy = loop->busy;
  return bio_next_input(loop);
}

struct connection *bio_next_input(struct cshim_loop *loop)
{
  while(loop->next_busy) {
    const struct bio *bio = loop->next_busy;
    loop->next_busy = bio->next;
    if(span_length(&bio->input))
      return bio->connection;
  }
  return NULL;
}

void bio_settle(struct cshim_loop *loop)
{
  struct bio *bio = loop->busy;
  while(bio) {
    struct bio *next = bio->next;
    if(!bio->blocked)
      flush(bio);
    if(!span_length(&bio->input) && !span_length(&bio->output)) {
      make_idle(bio);
      openssl_loaded()->free_buffers(bio->ssl);
    }
    bio = next;
  }
}
