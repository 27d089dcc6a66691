/*
 * wake.c: whom of those on a connection libcurl runs when something has come.
 * Told of an event it runs each transfer on the socket: with a hundred on an
 * HTTP/2 connection, nearly all for nothing. Whichever runs first reads for all
 * of them, and libcurl has those run for which something has come: so one will
 * do. It reads whatever poll(2) says, which knows nothing of what bio.c has read
 * ahead.
 */
#include "internal.h"

/* The first release of which it is known that what one request reads for others
   reaches them, whoever it is that reads. */
#define FIRST_REACHING 0x075000 /* 7.80.0 */

/* Before this release curl_easy_pause() does nothing where it changes
   nothing. */
#define FIRST_RUN_IN_ANY_CASE 0x080800 /* 8.8.0 */

bool wake_reaches_all(const struct cshim_loop *loop)
{
  return loop->libcurl >= FIRST_REACHING;
}

/* Whether libcurl would read for this one, whatever comes. */
static bool can_read(const struct transfer *transfer)
{
  const struct stream *stream = &transfer->stream;
  return stream->session && !stream->ended && !stream->closed &&
         !transfer->paused && !transfer->broken;
}

/* The last one that was submitted: the server is done with it last, so that it
   goes on reading. */
static struct transfer *find_reader(const struct connection *connection)
{
  struct transfer *transfer = connection->last;
  if(!connection->session || connection->over)
    return NULL;
  while(transfer && !can_read(transfer))
    transfer = transfer->previous;
  return transfer;
}

/* Has one transfer of an HTTP/2 connection read. False: it has read nothing. */
static bool wake_one(struct connection *connection)
{
  struct transfer *transfer = find_reader(connection);
  uint64_t before = connection->reads;
  if(!transfer)
    return false;
  if(connection->loop->libcurl < FIRST_RUN_IN_ANY_CASE) {
    struct connection *outer = http2_enter(connection);
    curl_easy_pause(transfer->easy, CURLPAUSE_ALL);
    http2_leave(outer);
  }
  transfer_pause(transfer);
  loop_act(connection, CURL_SOCKET_TIMEOUT, 0);
  return connection->reads != before;
}

/* Whether one will do: those that send wait for room that others do not tell
   them of. */
static bool one_will_do(const struct connection *connection)
{
  const struct cshim_loop *loop = connection->loop;
  return loop->limits.wake_one && wake_reaches_all(loop) &&
         !connection->uploads;
}

/* Something has come on a connection. */
void wake_readers(struct connection *connection)
{
  uint64_t before = connection->reads;
  if(one_will_do(connection) && wake_one(connection))
    return;
  loop_act(connection, connection->socket, CURL_CSELECT_IN);
  if(connection->reads == before && bio_has_input(connection))
    wake_one(connection); /* the others have asked poll(2) */
}
