/*
 * 0325, 0328 and 0329: a response that others wait behind. It comes to what
 * the table says, and who is behind it gets the own one.
 */
#include <string.h>
#include "proof.h"

#define LARGE 200000

static const struct {
  int number;
  const char *before;   /* the response; LARGE bytes are between both parts */
  const char *behind;
  CURLcode result;
  int closes;           /* the server closes the connection behind it */
} table[] = {
  {325, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
   "\r\nhello\r\n0\r\n\r\n", CURLE_RECV_ERROR, 0},
  {328, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
   "Content-Length: 5\r\n\r\nhello", NULL, CURLE_OK, 0},
  {329, "HTTP/1.1 200 OK\r\nX-One: a\r\n", NULL, CURLE_WEIRD_SERVER_REPLY, 1}
};

int main(int argc, char **argv)
{
  static char text[LARGE + 200];
  struct request *a, *b;
  struct conn *c;
  size_t i;

  begin(argc, argv);
  for(i = 0; i < 2 && table[i].number != number; i++)
    ;
  strcpy(text, table[i].before);
  if(table[i].behind) {
    size_t size = strlen(text);
    memset(text + size, 'a', LARGE);
    strcpy(text + size + LARGE, table[i].behind);
  }
  pipelining(10);
  c = warm();
  a = request("/a");
  b = request("/b");
  add(a);
  add(b);
  settle();
  answer(c, text);
  if(table[i].closes)
    close_conn(c);
  settle();
  if(conn_count == 2 && arrived(&conns[1]))
    reply(&conns[1], "b");
  settle();
  return verdict(a->done && a->result == table[i].result &&
                 b->done && !b->result && b->size == 1, "the response");
}
