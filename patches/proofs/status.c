/* 0607: sscanf() searches the status line of each response for its numbers. */
#include <stdarg.h>
#include <stdio.h>
#include "proof.h"

static int searched;
static int counts;

/* takes the place of the C library's for libcurl as well */
int sscanf(const char *text, const char *format, ...)
{
  va_list arguments;
  int assigned;

  searched += counts;
  va_start(arguments, format);
  assigned = vsscanf(text, format, arguments);
  va_end(arguments);
  return assigned;
}

int main(int argc, char **argv)
{
  static const struct {
    const char *line;
    int status;
  } lines[] = {
    { "HTTP/1.1 200 OK", 200 }, { "HTTP/1.1 404", 404 },
    { "HTTP/1.1 503 ", 503 }, { "HTTP/1.1 999 no such code", 999 },
    { "HTTP/1.1 200 HTTP/1.0 100", 200 }
  };
  struct conn *c;
  int right = 1;
  size_t i;

  begin(argc, argv);
  pipelining(100);
  c = warm();
  for(i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    struct request *r = request("/");
    char text[100];
    add(r);
    settle();
    if(!arrived(c))
      unreachable("no request over the connection");
    snprintf(text, sizeof(text), "%s\r\nContent-Length: 1\r\n\r\nx",
             lines[i].line);
    counts = 1;
    answer(c, text);
    if(!until_done(r))
      unreachable("no answer");
    counts = 0;
    if(r->result || (r->status != lines[i].status))
      right = 0;
  }
  return verdict(right && !searched, "read without searching");
}
