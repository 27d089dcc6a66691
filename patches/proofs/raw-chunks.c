/*
 * 0334: two responses come in one read, and the application wants the chunks
 * of the first as they arrived. It gets those, and no byte of the second.
 */
#include <string.h>
#include "proof.h"

#define CHUNKS "5\r\nhello\r\n0\r\nX-Last: 1\r\n\r\n"

int main(int argc, char **argv)
{
  struct request *a, *b;
  struct conn *c;

  begin(argc, argv);
  pipelining(10);
  c = warm();
  a = request("/a");
  b = request("/b");
  curl_easy_setopt(a->easy, CURLOPT_HTTP_TRANSFER_DECODING, 0L);
  add(a);
  add(b);
  settle();
  if(conn_count != 1 || c->requests != c->answered + 2)
    unreachable("the requests are not in one pipe");
  answer(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS
         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
  until_done(b);
  return verdict(a->done && !a->result && a->size == strlen(CHUNKS) &&
                 !memcmp(a->body, CHUNKS, a->size) &&
                 b->done && !b->result && b->size == 1, "the response");
}
