/*
 * wake.c: which transfers of a connection libcurl runs when data has arrived.
 * After an event libcurl runs each transfer of the socket. With a hundred of
 * them on an HTTP/2 connection, nearly all run for nothing: the first one
 * reads for all, and libcurl then runs those that got something. It is enough
 * to run one. libcurl's own poll(2) does not see what bio.c has read ahead; a
 * transfer that is run here reads it all the same. libcurl may also forget a
 * transfer for which it has read something, which is run here, too.
 */
#include "http2.h"

/* The first release that is known to pass data on to the transfers that it is
   for, whichever transfer reads it. */
#define FIRST_REACHING 0x075000 /* 7.80.0 */

/* Before this release curl_easy_pause() does nothing if nothing changes. */
#define FIRST_RUN_IN_ANY_CASE 0x080800 /* 8.8.0 */

bool wake_reaches_all(const struct cshim_loop *loop)
{
  return loop->libcurl >= FIRST_REACHING;
}

/* Whether libcurl would read for this transfer. */
static bool can_read(const struct transfer *transfer)
{
  const struct stream *stream = &transfer->stream;
  return stream->session && !stream->ended && !stream->closed &&
         !transfer->paused && !transfer->broken;
}

/* The transfer submitted last. The server probably finishes it last, so it
   goes on reading longest. */
static struct transfer *find_reader(const struct connection *connection)
{
  struct transfer *transfer = connection->last;
  if(!connection->session || connection->over)
    return NULL;
  while(transfer && !can_read(transfer))
    transfer = transfer->previous;
  return transfer;
}

/* Makes libcurl run a transfer soon. */
static void make_run(struct transfer *transfer)
{
  if(transfer->loop->libcurl < FIRST_RUN_IN_ANY_CASE) {
    struct connection *outer = http2_enter(transfer->connection);
    curl_easy_pause(transfer->easy, CURLPAUSE_ALL);
    http2_leave(outer);
  }
  transfer_pause(transfer);
}

/* Has one transfer of an HTTP/2 connection read. Returns false if it has read
   nothing. */
static bool wake_one(struct connection *connection)
{
  struct transfer *transfer = find_reader(connection);
  uint64_t before = connection->reads;
  if(!transfer)
    return false;
  make_run(transfer);
  loop_act(connection, CURL_SOCKET_TIMEOUT, 0);
  return connection->reads != before;
}

/* Whether running one transfer is enough. It is not if transfers wait to send,
   because others do not tell them of room. */
static bool one_will_do(const struct connection *connection)
{
  const struct cshim_loop *loop = connection->loop;
  return loop->limits.wake_one && wake_reaches_all(loop) &&
         connection->tls && /* which counts the reads */
         !connection->uploads;
}

/* Data has arrived on a connection. */
void wake_readers(struct connection *connection)
{
  uint64_t before = connection->reads;
  if(one_will_do(connection) && wake_one(connection))
    return;
  loop_act(connection, connection->socket, CURL_CSELECT_IN);
  if(connection->reads == before && bio_has_input(connection))
    wake_one(connection); /* the others have asked poll(2) */
}

/* Up to 8.0.1, libcurl stops in the middle of what it has read when the buffer
   of a transfer is full. When it has delivered that it waits for the socket
   again. What it still holds may be the end of the last response, and then
   nothing more arrives. */
void wake_holder(struct connection *connection)
{
  struct http2_session *session = connection->session;
  struct transfer *transfer;
  if(!session || !(session->held || session->rest) || connection->over ||
     session->nudged == session->progress ||
     (connection->timer_set && !connection->timer_at))
    return;
  transfer = http2_owner(session, session->held);
  if(!transfer)
    transfer = find_reader(connection);
  if(!transfer || !can_read(transfer))
    return;
  session->nudged = session->progress;
  make_run(transfer);
}
