/*
 * connection.c: the connections of a loop, the requests on them, and how they
 * end. Each connection has its own multi handle. A request belongs to the
 * connection whose multi handle it is in, and libcurl has no other connection
 * to send it on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "handshake.h"

/* CURLMOPT_MAX_CONCURRENT_STREAMS, of libcurl 7.67.0 */
#define MAX_CONCURRENT_STREAMS (CURLMoption)16

/* CURLMOPT_PIPELINING; the headers of old releases have no names for it */
static long pipelining_of(enum cshim_mode mode)
{
  switch(mode) {
  case CSHIM_PIPELINING:
    return 1L; /* CURLPIPE_HTTP1 */
  case CSHIM_MULTIPLEXING:
    return 2L; /* CURLPIPE_MULTIPLEX */
  default:
    return 0L; /* CURLPIPE_NOTHING */
  }
}

static int make_multi(struct connection *connection)
{
  const struct cshim_limits *limits = &connection->loop->limits;
  CURLMcode code;
  connection->multi = curl_multi_init();
  if(!connection->multi)
    return -ENOMEM;
  if(curl_multi_setopt(connection->multi, CURLMOPT_PIPELINING,
                       pipelining_of(limits->mode)) ||
     /* the one connection must not be closed to make room */
     curl_multi_setopt(connection->multi, CURLMOPT_MAXCONNECTS, 2L))
    return CSHIM_MULTI_FAILED;
  /* HTTP/1.1 has no limit of connections. A request that may not use this one
     therefore does not wait for it: it asks for another, which is refused.
     With HTTP/2, a request waits until the server allows another stream. */
  if(limits->mode == CSHIM_MULTIPLEXING &&
     curl_multi_setopt(connection->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L))
    return CSHIM_MULTI_FAILED;
  code = limits->mode == CSHIM_MULTIPLEXING ?
         curl_multi_setopt(connection->multi, MAX_CONCURRENT_STREAMS,
                           limits->pipeline_length) : CURLM_OK;
  if(code && code != CURLM_UNKNOWN_OPTION) /* older releases have no such
                                              limit */
    return CSHIM_MULTI_FAILED;
  if(limits->mode == CSHIM_PIPELINING &&
     curl_multi_setopt(connection->multi, CURLMOPT_MAX_PIPELINE_LENGTH,
                       limits->pipeline_length))
    return CSHIM_MULTI_FAILED;
  return watch_install(connection);
}

/* Each flag is reported once, so a connection has no more news than flags. */
#define NEWS_OF_ONE 5

/* Finds a free place for another connection, and for its news. */
static bool make_place(struct cshim_loop *loop, uint32_t *number)
{
  uint32_t place = loop->free_connections_from;
  struct connection **connections;
  struct cshim_connection_news *news;
  while(place < loop->connection_count && loop->connections[place])
    place++;
  *number = place;
  if(place < loop->connection_count)
    return true;
  connections = realloc(loop->connections,
                        (place + 1) * sizeof(*connections));
  if(!connections)
    return false;
  loop->connections = connections;
  news = realloc(loop->connection_news,
                 (place + 1) * NEWS_OF_ONE * sizeof(*news));
  if(!news)
    return false;
  loop->connection_news = news;
  if(!poller_reserve(loop->poller, place + 1))
    return false;
  loop->connections[loop->connection_count++] = NULL;
  return true;
}

int cshim_loop_connect(struct cshim_loop *loop, int socket)
{
  struct connection *connection;
  uint32_t number;
  int flags = fcntl(socket, F_GETFL);
#ifdef SO_NOSIGPIPE
  const int on = 1;
#endif
  int code;

  if(flags == -1 || fcntl(socket, F_SETFL, flags | O_NONBLOCK))
    return -errno;
#ifdef SO_NOSIGPIPE
  if(setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)))
    return -errno;
#endif
  connection = make_place(loop, &number) ?
               calloc(1, sizeof(*connection)) : NULL;
  if(!connection)
    return -ENOMEM;
  connection->loop = loop;
  connection->number = number;
  connection->socket = CURL_SOCKET_BAD;
  connection->seen_end = CSHIM_COUNTERS;
  connection->end = CSHIM_COUNTERS;
  code = make_multi(connection);
  if(code) {
    curl_multi_cleanup(connection->multi);
    free(connection);
    return code;
  }
  connection->socket = socket;
  loop->connections[number] = connection;
  loop->free_connections_from = number + 1;
  loop_count(loop, CSHIM_SOCKETS_OPENED, 1);
  watch_changed(connection);
  return (int)number;
}

/* Notes that libcurl has worked on a connection. */
void connection_touch(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  if(connection->touched)
    return;
  connection->touched = true;
  connection->next_touched = loop->touched;
  loop->touched = connection;
}

/* Notes whether the connection multiplexes. */
void connection_prove(struct connection *connection, bool multiplexes)
{
  connection->proven = true;
  connection->news |= CSHIM_CONNECTION_PROVEN |
                      (multiplexes ? CSHIM_CONNECTION_MULTIPLEXES : 0);
  connection_touch(connection);
}

void connection_untouch(struct connection *connection)
{
  struct connection **link = &connection->loop->touched;
  if(!connection->touched)
    return;
  while(*link != connection)
    link = &(*link)->next_touched;
  *link = connection->next_touched;
  connection->touched = false;
}

static void push_active(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  connection->previous = NULL;
  connection->next = loop->active;
  if(connection->next)
    connection->next->previous = connection;
  loop->active = connection;
  connection->unheard = false;
  watch_changed(connection);
}

static void remove_active(struct connection *connection)
{
  if(connection->next)
    connection->next->previous = connection->previous;
  if(connection->previous)
    connection->previous->next = connection->next;
  else
    connection->loop->active = connection->next;
  connection->timer_set = false;
  watch_changed(connection);
}

/* Puts a transfer on a connection. */
CURLMcode connection_add(struct connection *connection,
                         struct transfer *transfer)
{
  CURLMcode code;
  transfer->state = TRANSFER_ACTIVE;
  transfer->submitted = true;
  transfer->connection = connection;
  transfer->next = NULL;
  transfer->previous = connection->last;
  if(connection->last)
    connection->last->next = transfer;
  else {
    connection->first = transfer;
    push_active(connection);
  }
  connection->last = transfer;
  if(transfer->flags & CSHIM_REQUEST_UPLOAD)
    connection->uploads++;
  connection_touch(connection);
  code = curl_multi_add_handle(connection->multi, transfer->easy);
  if(code)
    connection_remove(transfer);
  return code;
}

/* Takes a transfer off its connection. */
void connection_remove(struct transfer *transfer)
{
  struct connection *connection = transfer->connection;
  struct connection *before = http2_enter(connection);
  http2_leave_stream(transfer);
  curl_multi_remove_handle(connection->multi, transfer->easy);
  http2_left_stream(transfer);
  http2_leave(before);
  if(transfer->next)
    transfer->next->previous = transfer->previous;
  else
    connection->last = transfer->previous;
  if(transfer->previous)
    transfer->previous->next = transfer->next;
  else
    connection->first = transfer->next;
  if(connection->dropping == transfer)
    connection->dropping = NULL;
  if(transfer->flags & CSHIM_REQUEST_UPLOAD)
    connection->uploads--;
  transfer->state = TRANSFER_IDLE;
  transfer->connection = NULL;
  results_forget_news(transfer);
  connection_touch(connection);
  if(!connection->first)
    remove_active(connection);
}

/* Takes the requests off a connection and closes it. The last submitted goes
   first: removing a transfer with none behind it in the pipeline does not wake
   another. */
void connection_end(struct connection *connection)
{
  struct connection *before;
  while(connection->last) {
    response_discard(connection->last);
    connection_remove(connection->last);
  }
  before = http2_enter(connection);
  curl_multi_cleanup(connection->multi);
  http2_leave(before);
  connection->multi = NULL;
  socket_close(connection); /* libcurl may never have taken it */
  connection->over = true;
}

/* Ends a connection. The caller may ask how it ended until the next run. */
void connection_retire(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  uint32_t number = connection->number;
  connection_end(connection);
  connection_untouch(connection);
  watch_forget(connection);
  loop->connections[number] = NULL;
  if(number < loop->free_connections_from)
    loop->free_connections_from = number;
  connection->next_retired = loop->retired;
  loop->retired = connection;
}

/* Frees the connections that have ended. */
void connection_free_retired(struct cshim_loop *loop)
{
  while(loop->retired) {
    struct connection *connection = loop->retired;
    loop->retired = connection->next_retired;
    handshake_free(connection->handshake);
    free(connection);
  }
}

/* The connection with this number in what the last run reported. */
const struct connection *connection_told(const struct cshim_loop *loop,
                                         uint32_t number)
{
  const struct connection *connection = loop->retired;
  while(connection && connection->number != number)
    connection = connection->next_retired;
  return connection ? connection : loop->connections[number];
}

void cshim_loop_disconnect(struct cshim_loop *loop, uint32_t number)
{
  struct connection *connection = loop->connections[number];
  connection->closing = true;
  connection_retire(connection);
}

void cshim_loop_break(struct cshim_loop *loop, uint32_t number)
{
  struct connection *connection = loop->connections[number];
  connection->closing = true;
  connection->over = true;
  connection_touch(connection);
}

enum cshim_counter cshim_loop_end_of(const struct cshim_loop *loop,
                                     uint32_t number)
{
  const struct connection *connection = connection_told(loop, number);
  return connection ? connection->end : CSHIM_COUNTERS;
}

uint64_t cshim_loop_movement(const struct cshim_loop *loop, uint32_t number)
{
  return system_movement(loop->connections[number]);
}
