/*
 * connection.c: which connections there are, for whom, and how they end. Holds
 * the callbacks of CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "internal.h"

/* Values of tcpi_state that Linux's headers for programs do not name. */
#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT 2
#define STATE_CLOSE 7
#define STATE_CLOSE_WAIT 8
#define STATE_LAST_ACK 9

static struct connection *find(struct cshim_loop *loop, curl_socket_t socket)
{
  struct connection *connection = loop->connections;
  while(connection && connection->socket != socket)
    connection = connection->next;
  return connection;
}

/* Bytes of a request that have gone out, all attempts together. */
long connection_sent(const struct transfer *transfer)
{
  long sent = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
  return sent;
}

/* CURLOPT_OPENSOCKETFUNCTION: what libcurl does without it, written down. A
   request that must not be sent again gets no connection to do so. */
static curl_socket_t on_open(void *userp, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
  struct transfer *transfer = userp;
  struct cshim_loop *loop = transfer->loop;
  struct connection *connection;
  (void)purpose;

  if(transfer->lost)
    return CURL_SOCKET_BAD;
  connection = calloc(1, sizeof(*connection));
  if(!connection)
    return CURL_SOCKET_BAD;
  connection->socket = socket(address->family,
                              address->socktype | SOCK_CLOEXEC,
                              address->protocol);
  connection->origin = transfer->origin;
  if(connection->socket == -1) {
    free(connection);
    return CURL_SOCKET_BAD;
  }
  connection->next = loop->connections;
  loop->connections = connection;
  loop_count(loop, CSHIM_SOCKETS_OPENED, 1);
  return connection->socket;
}

/* Who ended a connection, as the state that TCP has reached tells. */
static enum cshim_counter end_of(curl_socket_t socket)
{
  struct tcp_info info = { 0 };
  socklen_t length = sizeof(info);
  char octet;

  if(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length))
    return recv(socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ?
           CSHIM_CLOSED_BY_SERVER : CSHIM_CLOSED_BY_CLIENT; /* not TCP */
  switch(info.tcpi_state) {
  case STATE_CLOSE_WAIT:
  case STATE_LAST_ACK:
    return CSHIM_CLOSED_BY_SERVER;
  case STATE_CLOSE:
    return info.tcpi_rcv_mss && info.tcpi_bytes_received ?
           CSHIM_RESET_BY_SERVER : CSHIM_NOT_CONNECTED;
  case STATE_SYN_SENT:
    return CSHIM_NOT_CONNECTED;
  default:
    return CSHIM_CLOSED_BY_CLIENT;
  }
}

/* Local port of a connected TCP socket, 0 for others. */
long connection_port(const struct connection *connection)
{
  struct sockaddr_storage address = { 0 };
  socklen_t length = sizeof(address);
  if(getsockname(connection->socket, (struct sockaddr *)&address, &length))
    return 0;
  if(address.ss_family == AF_INET)
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
  if(address.ss_family == AF_INET6)
    return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
  return 0;
}

/* Whether the request of this transfer was on that connection, in part at
   least, with no byte of an answer. */
static bool was_on(const struct transfer *transfer,
                   const struct connection *connection, long port)
{
  long local = 0;
  if(transfer->stream.sendings || transfer->origin != connection->origin || transfer->response.length ||
     transfer->header_taken || transfer->dropped ||
     connection_sent(transfer) <= transfer->sent_before)
    return false;
  curl_easy_getinfo(transfer->easy, CURLINFO_LOCAL_PORT, &local);
  return !port || local == port;
}

/* The connection ends under these transfers. libcurl goes on to send them
   again on another one. */
static void interrupted(struct cshim_loop *loop,
                        const struct connection *connection)
{
  long port = connection_port(connection);
  struct transfer *transfer;
  for(transfer = loop->first; transfer; transfer = transfer->next) {
    if(!was_on(transfer, connection, port))
      continue;
    if((transfer->flags & CSHIM_REQUEST_REPEATABLE) &&
       transfer->retries < loop->limits.retries) {
      transfer->sent_before = connection_sent(transfer);
      transfer->retries++;
      continue;
    }
    transfer->lost = true;
    loop->lost_transfers = true;
    /* not on another connection that is open already */
    curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
  }
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int on_close(void *userp, curl_socket_t socket)
{
  struct cshim_loop *loop = userp;
  struct connection *connection = find(loop, socket);

  watch_closed(loop, socket);
  /* in answer to TLS's close_notify the server may close before us */
  loop_count(loop, loop->closing ? CSHIM_CLOSED_BY_CLIENT : end_of(socket),
             1);
  loop_count(loop, CSHIM_SOCKETS_CLOSED, 1);
  loop->lost_socket = true;
  if(connection) {
    struct connection **link = &loop->connections;
    interrupted(loop, connection);
    while(*link != connection)
      link = &(*link)->next;
    *link = connection->next;
    free(connection);
  }
  return close(socket);
}

bool connection_tie(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  return
    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) &&
    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) &&
    /* a connection may outlive the handle that made it */
    !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) &&
    !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->loop);
}

void connection_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, NULL);
}
