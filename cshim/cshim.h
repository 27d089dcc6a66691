#ifndef CSHIM_H
#define CSHIM_H
/*
 * cshim: an event loop around one curl_multi handle, for one caller.
 *
 * The caller hands over a batch of requests and gets back a batch of results
 * for each cshim_loop_run(). In between, the loop drives
 * curl_multi_socket_action() with one epoll. Nothing calls back to the
 * caller, and nothing is shared between two loops.
 *
 * Every function is for the one thread that drives the loop at that moment,
 * except cshim_loop_wake() and cshim_loop_count(), which any thread may call
 * while the loop exists.
 */
#include <stddef.h>
#include <stdint.h>

struct cshim_loop;

/* What cshim_loop_run() and others answer when they fail: an errno value as a
   negative number, or this when libcurl's multi handle refused to go on. */
#define CSHIM_MULTI_FAILED (-100000)

/* Most requests, and most results, of one cshim_loop_run(): enough that a full
   pipeline crosses at once, small enough that nobody waits long for others. */
#define CSHIM_MAX_BATCH 512

struct cshim_limits {
  long connections_per_host; /* at most so many connections to one host */
  long pipeline_length; /* at most so many requests on one connection */
  size_t header_bytes; /* a response whose header section, or trailer section,
                          is larger is not kept */
  size_t response_bytes; /* a response that is larger is not kept */
  size_t dropped_bytes; /* so much of one response is read and thrown away
                           before its connection is given up */
};

/* One request of a batch. The batch's text holds, from `text` on, the URL and
   then each header line, each ended with a NUL. */
struct cshim_request {
  uint32_t slot; /* from cshim_loop_attach() */
  uint32_t flags; /* CSHIM_REQUEST_* */
  size_t text; /* where this request starts in the batch's text */
  size_t url_length; /* without the NUL */
  size_t headers_length; /* all header lines with their NULs */
};

#define CSHIM_REQUEST_HEAD 1 /* HEAD instead of GET */

/* One finished request. The pointers hold until the next cshim_loop_run(),
   cshim_loop_reset() or cshim_loop_free(). */
struct cshim_result {
  uint32_t slot;
  uint32_t flags; /* CSHIM_RESULT_* */
  int32_t code; /* CURLcode */
  const char *response; /* the final response's header section, then its
                           body; not NUL-terminated */
  size_t header_length;
  size_t body_length;
  const char *trailer; /* trailer section of a chunked response */
  size_t trailer_length;
  const char *detail; /* libcurl's own words for a failure; may be empty */
};

#define CSHIM_RESULT_TOO_LARGE 1 /* over header_bytes or
                                    response_bytes; nothing was kept */
#define CSHIM_RESULT_GIVEN_UP 2 /* over dropped_bytes; the connection was
                                   closed for it */

enum cshim_counter {
  CSHIM_SOCKETS_OPENED, /* sockets that libcurl opened to connect */
  CSHIM_SOCKETS_CLOSED,
  CSHIM_GIVEN_UP, /* connections given up over dropped_bytes */
  CSHIM_COUNTERS
};

/* Makes a loop. NULL, with errno set, when something ran out. */
struct cshim_loop *cshim_loop_new(const struct cshim_limits *limits);

/* Takes every request off the wire and closes every connection. From here on
   only cshim_loop_count(), cshim_loop_detach() and cshim_loop_free() make
   sense. */
void cshim_loop_close(struct cshim_loop *loop);

/* Closes the loop, lets go of the handles that are still attached, and frees
   it. An easy handle is cleaned up after it was detached or after this, never
   before. NULL is fine. */
void cshim_loop_free(struct cshim_loop *loop);

/* Gives an easy handle (CURL *) to the loop and returns its slot, or a
   negative errno. The loop sets the options that tie the handle to it: write,
   header, open and close socket functions with their data, error buffer and
   private pointer. URL, header list and method are set for each request. All
   other options stay what the caller made them. */
int cshim_loop_attach(struct cshim_loop *loop, void *easy);

/* Lets go of a slot whose request, if any, has finished; one that has not is
   taken off the wire. The options of cshim_loop_attach() are set back. */
void cshim_loop_detach(struct cshim_loop *loop, uint32_t slot);

/* Submits `count` requests (at most CSHIM_MAX_BATCH), in order, and runs
   until at least one request has finished, somebody called cshim_loop_wake(),
   or `wait_ms` milliseconds have passed (-1: no limit). Returns how many
   results cshim_loop_results() holds, perhaps none, or a negative error;
   after an error call cshim_loop_reset(). */
int cshim_loop_run(struct cshim_loop *loop,
                   const struct cshim_request *requests, size_t count,
                   const char *text, int wait_ms);
const struct cshim_result *cshim_loop_results(const struct cshim_loop *loop);

/* Makes the current or the next cshim_loop_run() return at once. Costs a
   system call only when the loop sleeps. Any thread. */
void cshim_loop_wake(struct cshim_loop *loop);

/* Throws away what has come, and what is still to come, of the response to
   the request in this slot. It still ends with a result. */
void cshim_loop_drop(struct cshim_loop *loop, uint32_t slot);

/* Takes every request off the wire and closes every connection. The requests
   end without a result, the handles stay attached. Negative on failure: then
   only cshim_loop_free() is left. */
int cshim_loop_reset(struct cshim_loop *loop);

/* A number that changes whenever a peer has acknowledged or sent bytes, or a
   socket came or went. Two equal answers: nothing moved in between. */
uint64_t cshim_loop_movement(const struct cshim_loop *loop);

/* One of the counters above. Any thread. */
uint64_t cshim_loop_count(const struct cshim_loop *loop,
                          enum cshim_counter which);

#endif
