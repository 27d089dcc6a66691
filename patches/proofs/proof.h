#ifndef PROOF_H
#define PROOF_H
/*
 * What the programs here have in common: an origin on loopback in the same
 * thread as the client, so that what comes when is up to the program, and a
 * client that drive.h drives.
 *
 * Each is called with the driver and the number of the patch that it proves:
 *
 *   PROGRAM perform|socket NUMBER
 *
 * and exits with 0 if all is as it should be, 1 if the defect shows, and 2 if
 * it could not get to where it might.
 */
#include <curl/curl.h>
#include <stddef.h>
#include "drive.h"

#define MAX_CONNS 16
#define MAX_REQUESTS 400

/* a connection of the origin */
struct conn {
  int fd;             /* -1 once it is closed */
  int stalled;        /* if set, the origin does not read */
  size_t limit;       /* of bytes to read before it stalls, 0: none */
  size_t size;        /* what has arrived */
  int requests;       /* of which so many are whole, */
  int answered;       /* and so many of those answered */
  char *in;
};

/* a request of the client */
struct request {
  CURL *easy;
  struct curl_slist *fields;
  int done;           /* messages that it is done */
  CURLcode result;
  long status;
  size_t size;
  char body[8000];
};

extern CURLM *multi;
extern int port;
extern int number;              /* of the patch */
extern struct conn conns[MAX_CONNS];
extern int conn_count;
extern int server_buffer;       /* SO_RCVBUF of the origin, 0: as it is */
extern int client_buffer;       /* SO_SNDBUF of the client, 0: as it is */

void begin(int argc, char **argv);
void pipelining(long length);   /* over one connection */
struct request *request(const char *path);
void add(struct request *r);    /* and let it get on */
void header(struct request *r, const char *line);
void large(struct request *r, size_t size); /* a header field of that size */

int turn(void);                 /* TRUE when something happened */
void settle(void);              /* turns until nothing happens */
int until_done(struct request *r);
void pass_time(long ms);        /* turns for so long */
void drain(struct conn *c);     /* reads all, and the client does nothing */
int arrived(struct conn *c);    /* TRUE if a whole request has no answer */
void answer(struct conn *c, const char *text); /* the next request with this */
void reply(struct conn *c, const char *body);  /* the same, with a 200 */
void reset(struct conn *c);
void close_conn(struct conn *c);
struct conn *warm(void);        /* a connection that was used once */

void clean_up(void);            /* all that the client has made */
void unreachable(const char *why);          /* exits with 2 */
int verdict(int right, const char *what);   /* what main() returns */
#endif
