#ifndef FRAMING_H
#define FRAMING_H
#include <stddef.h>

enum {
  SPLIT_NONE = 0,    /* everything in one piece, what follows included */
  SPLIT_EVERY = -1,  /* byte by byte */
  SPLIT_BEHIND = -2  /* the hostile response in one piece, then the rest */
};                   /* a positive number: the first piece has that size */

enum {
  END_NONE = 0,      /* the origin continues with honest responses */
  END_CLOSE = 1,     /* it closes the connection, over TLS with close_notify */
  END_CUT = 2        /* it closes the connection without close_notify */
};

/* what the origin does */
struct script {
  int tls;
  int split;
  int end;
  int hostile_conns; /* the number of connections that get the hostile
                        response, once each */
  int wait_for;      /* requests on the first connection before that */
  const char *bytes; /* the hostile response */
  size_t size;
};

int origin_listen(void);                    /* returns the port */
void origin_start(const struct script *s);
int origin_step(void);                      /* TRUE when something happened */
int origin_requests(void);                  /* on the first connection */
int origin_stop(void);                      /* returns connections accepted */
void origin_body(int number, char *into);   /* the body that is a request's */
void origin_client_opened(int fd);
void origin_client_closed(int fd);
#endif
