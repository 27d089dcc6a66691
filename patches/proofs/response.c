/*
 * Those of 0312 to 0329 in the table: a response that others wait behind. Its
 * result is what the table says, and the request behind it gets its own
 * response.
 */
#include <string.h>
#include "proof.h"

#define LARGE 200000

enum behind { GOES_ON, IS_SILENT, CLOSES };

static const struct {
  int number;
  const char *filler;   /* repeated between both, up to LARGE bytes */
  const char *before;
  const char *behind;
  CURLcode result;
  enum behind then;     /* what the server does behind the response */
} table[] = {
  {312, "", "HTTP/1.1 200 OK\r\n",
   "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
   CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {313, "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
   "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
   CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {314, "", "HTTP/1.1 200 OK\r\n",
   "Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
   CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {315, "", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
   "", CURLE_OK, GOES_ON},
  {316, "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
   "X-One: a\rb\r\n\r\nhello", CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {317, "", "HTTP/1.1 403 Forbidden\r\nHTTP/1.1 200 OK\r\n",
   "Content-Length: 5\r\n\r\nhello", CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {318, "", "HTTP/1.1 200 OK\r\n",
   "Content-Length : 5\r\n\r\nhello", CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {319, "", "HTTP/1.1 200 OK\r\n",
   "Transfer-Encoding:\r\n chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
   CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {320, "", "HTTP/1.1 2000 OK\r\n",
   "Content-Length: 5\r\n\r\nhello", CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {321, "", "HTTP/1.1 101 Switching Protocols\r\n",
   "Upgrade: x\r\nConnection: Upgrade\r\n\r\n",
   CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {322, "HTTP/1.1 102 Processing\r\n\r\n", "",
   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
   CURLE_WEIRD_SERVER_REPLY, IS_SILENT},
  {323, "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
   "0x5\r\nhello\r\n0\r\n\r\n", CURLE_RECV_ERROR, IS_SILENT},
  {324, "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
   "5\r\nhello\n0\r\n\r\n", CURLE_RECV_ERROR, IS_SILENT},
  {325, "a", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
   "\r\nhello\r\n0\r\n\r\n", CURLE_RECV_ERROR, IS_SILENT},
  {326, "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
   "5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", CURLE_RECV_ERROR, IS_SILENT},
  {328, "", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n",
   "Content-Length: 5\r\n\r\nhello", CURLE_OK, IS_SILENT},
  {329, "", "HTTP/1.1 200 OK\r\nX-One: a\r\n",
   "", CURLE_WEIRD_SERVER_REPLY, CLOSES}
};

#define ROWS (sizeof(table) / sizeof(table[0]))

int main(int argc, char **argv)
{
  static char text[LARGE + 300];
  struct request *a, *b;
  struct conn *c;
  size_t i, size;

  begin(argc, argv);
  for(i = 0; i < ROWS && table[i].number != number; i++)
    ;
  if(i == ROWS)
    unreachable("no row has this number");
  size = strlen(strcpy(text, table[i].before));
  while(*table[i].filler && size < LARGE)
    size += strlen(strcpy(text + size, table[i].filler));
  strcpy(text + size, table[i].behind);
  pipelining(10);
  c = warm();
  a = request("/a");
  b = request("/b");
  add(a);
  add(b);
  settle();
  answer(c, text);
  if(table[i].then == CLOSES)
    close_conn(c);
  settle();
  if(conn_count == 2 && arrived(&conns[1]))
    reply(&conns[1], "b");
  else if(table[i].then == GOES_ON && arrived(c))
    reply(c, "b");
  settle();
  return verdict(a->done && a->result == table[i].result &&
                 b->done && !b->result && b->size == 1, "the response");
}
