/*
 * socket.c: gives libcurl the connected socket of a connection, once, and no
 * other. Has the callbacks of CURLOPT_OPENSOCKETFUNCTION,
 * CURLOPT_SOCKOPTFUNCTION and CURLOPT_CLOSESOCKETFUNCTION.
 */
#include <unistd.h>
#include "internal.h"

/* Keeps libcurl from looking up a name, which may block. The socket is already
   connected, so any address will do. */
static struct curl_slist anywhere = { .data = (char *)"::127.0.0.1:" };

/* CURLOPT_OPENSOCKETFUNCTION */
static curl_socket_t on_open(void *userp, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
  struct transfer *transfer = userp;
  struct connection *connection = transfer->connection;
  (void)purpose;
  (void)address;

  if(!connection || connection->taken) {
    transfer->refused = true;
    return CURL_SOCKET_BAD;
  }
  connection->taken = true;
  return connection->socket;
}

/* CURLOPT_SOCKOPTFUNCTION */
static int on_options(void *userp, curl_socket_t socket, curlsocktype purpose)
{
  (void)userp;
  (void)socket;
  (void)purpose;
  return CURL_SOCKOPT_ALREADY_CONNECTED;
}

void socket_close(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  curl_socket_t socket = connection->socket;
  if(socket == CURL_SOCKET_BAD)
    return;
  watch_forget(connection);
  /* the server may close before us, in answer to our close_notify */
  if(connection->closing)
    connection->end = CSHIM_CLOSED_BY_CLIENT;
  else if(connection->seen_end != CSHIM_COUNTERS)
    connection->end = connection->seen_end;
  else
    connection->end = system_end_of(socket);
  loop_count(loop, connection->end, 1);
  loop_count(loop, CSHIM_SOCKETS_CLOSED, 1);
  connection->socket = CURL_SOCKET_BAD;
  close(socket);
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int on_close(void *userp, curl_socket_t socket)
{
  struct connection *connection = userp;
  if(socket != connection->socket)
    return 0;
  socket_close(connection);
  connection->over = true;
  connection_touch(connection);
  return 0;
}

/* A connection may outlive the handle that opened it, so its end is reported
   to the connection. */
bool socket_prepare(struct transfer *transfer, struct connection *connection)
{
  return connection->taken ||
         !curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETDATA,
                           connection);
}

/* A field that libcurl would send to a proxy, and nobody needs. */
static struct curl_slist untold = { .data = (char *)"Proxy-Connection:" };

#define OPT_PROXYHEADER ((CURLoption)(CURLOPTTYPE_OBJECTPOINT + 228))

/* Tells libcurl whether the socket is connected to an HTTP proxy, which needs
   targets in the absolute form. libcurl must not look up the proxy's name
   either, and with a fixed address for the server it would ask the proxy for a
   tunnel. */
CURLcode socket_proxy(CURL *easy, bool proxied)
{
  CURLcode code = curl_easy_setopt(easy, CURLOPT_CONNECT_TO,
                                   proxied ? NULL : &anywhere);
  if(code && code != CURLE_UNKNOWN_OPTION) /* it is older than 7.49.0 */
    return code;
  code = curl_easy_setopt(easy, OPT_PROXYHEADER, proxied ? &untold : NULL);
  if(code && code != CURLE_UNKNOWN_OPTION) /* older than 7.37.0 */
    return code;
  return curl_easy_setopt(easy, CURLOPT_PROXY,
                          proxied ? "http://127.0.0.1:80" : "");
}

bool socket_tie(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  return
    !socket_proxy(easy, false) &&
    !curl_easy_setopt(easy, CURLOPT_NOPROXY, "") && /* not the environment's */
    !curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 0L) &&
    !curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 0L) &&
    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) &&
    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) &&
    !curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_options) &&
    !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
}

void socket_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, NULL);
}
