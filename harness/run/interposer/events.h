#ifndef INTERPOSER_EVENTS_H
#define INTERPOSER_EVENTS_H

/*
 * The events writer: one JSON object a line, one write() a line.
 *
 * The lines go to the file descriptor that the environment variable
 * PIPELAB_EVENTS_FD names: an inherited pipe (or file) that is open for
 * writing. When it is none, as in a program whose parent closed all that it
 * does not hand on, the pipe that PIPELAB_EVENTS_PATH names is opened. Without
 * both, nothing is written.
 * Every line is far below PIPE_BUF, so lines of several threads and of child
 * processes do not mix. A line looks like
 *
 *   {"t":NS,"call":"SSL_write","ssl":"4711-81","fd":7,
 *    "local":"127.0.0.1:40312","buf":"0x..","len":6123,
 *    "hash":"16 hex digits","ret":-1,"error":"WANT_WRITE"}
 *
 * t      CLOCK_MONOTONIC in nanoseconds, when the call had returned (SSL_free
 *        and close: when it was about to be made; their ret says nothing).
 *        SSL_free stands for the end of the object, whoever let go of it last
 * ssl    the SSL object, by a name that no other object gets, of any process:
 *        the process that saw it first and when; absent in the events of a
 *        plain socket
 * fd     the socket; of an SSL object with a BIO of the host's own the one that
 *        the BIO was seen writing to, or -1
 * local  the socket's own address and port, which tell what connection it is;
 *        absent before it has them
 * buf, hash  the buffer that was passed and the 64-bit FNV-1a hash of its len
 *        bytes; absent where nothing was to be written
 * len    the length that was passed; absent where the call has none
 * unread the bytes that had arrived at the socket and that the host had not
 *        read; only for close
 * same   with a write that follows a blocked one on the same SSL object: how
 *        many bytes the two begin with alike (see pending.h)
 * mode   what SSL_get_mode() says; only with a write over TLS that was blocked
 *        or that follows a blocked one
 * blocking   true when a write over TLS went to a socket that waits
 * handshake  true when a write over TLS was blocked before the connection's
 *        first handshake was through: OpenSSL had taken nothing of it
 * moved  the bytes that were moved; only for the calls that answer it apart
 *        from ret (SSL_write_ex, SSL_read_ex, SSL_peek_ex)
 * ret    what the call returned
 * error  "" when it did not fail, else what SSL_get_error() answers, without
 *        the prefix "SSL_ERROR_"; for plain sockets WANT_WRITE when the call
 *        would have blocked (or a connect is under way), SYSCALL otherwise
 *
 * Before the first of these that has an SSL object comes a line that says which
 * OpenSSL is in use, in the words of OpenSSL_version():
 *
 *   {"t":NS,"call":"version","version":"OpenSSL 3.0.19 27 Jan 2026"}
 *
 * The pipe's creator decides what happens when the pipe is full. Without
 * O_NONBLOCK the host blocks; with it, a line that does not fit is dropped,
 * and the next one that fits follows {"t":NS,"call":"dropped","count":N}.
 * If the reading end is closed, nothing more is written, and the host does not
 * get a SIGPIPE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define EVENT_HASH_START UINT64_C(0xcbf29ce484222325)

/* The name of an SSL object: the process that saw it first, and its time in
   nanoseconds. */
struct identity {
  long process;
  uint64_t since;
};

struct event {
  const char *call;
  const struct identity *ssl; /* NULL if no SSL object is involved */
  int fd;
  const void *buf;   /* NULL if the call writes nothing */
  uint64_t hash;     /* of what is at buf; used if buf is set */
  const size_t *len; /* NULL if the call has no length */
  const size_t *same; /* NULL unless a blocked write came before */
  const long *mode;   /* NULL unless it is reported */
  bool blocking;
  bool handshake;
  const size_t *moved; /* NULL unless the call returns it apart from ret */
  const size_t *unread; /* NULL unless the socket is about to be closed */
  long ret;
  const char *error;
};

/* True if events are wanted and can be written. Cheap. */
bool events_enabled(void);

/* Writes one event. Changes errno. Safe in threads and after fork(). */
void event_write(const struct event *event);

/* Writes which OpenSSL is in use; version must not need escaping in JSON.
   Changes errno. Safe in threads and after fork(). */
void event_write_version(const char *version);

/* Continues a 64-bit FNV-1a hash; start with EVENT_HASH_START. */
uint64_t event_hash(uint64_t hash, const void *data, size_t len);

#pragma GCC visibility pop

#endif
