#ifndef CFLEET_FLEET_H
#define CFLEET_FLEET_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define ID_MAX 48

/* The arguments on the command line. */
struct options {
  const char *url;      /* https://HOST:PORT */
  const char *ca_file;  /* PEM */
  long tls;             /* CURLOPT_SSLVERSION */
  long first;           /* the number of the first client */
  long clients;
  long requests;        /* of each client */
  long depth;           /* handles of each client, all in one pipeline */
  long padding;         /* length of the padding in each request's header
                           section */
  long stall_seconds;   /* give requests up if none of them has ended for this
                           long */
};

struct client;

/* An easy handle, which makes one request after the other. */
struct slot {
  CURL *easy;
  struct client *client;
  bool under_way;
  char id[ID_MAX];        /* of its current request */
  char received[ID_MAX];  /* the first line of the response's body */
  size_t received_len;
  bool line_whole;
};

/* One client: a multi handle with one connection, and its pipeline. */
struct client {
  struct fleet *fleet;
  CURLM *multi;
  struct slot *slots;
  long number;
  long begun;
  long ended;
  long long moved_ns; /* when a request last ended, or was begun while no other
                         was in flight */
};

struct fleet {
  const struct options *options;
  struct client *clients;
  long long *timers_ns; /* when each client wants to be called; NO_TIMER if
                           never */
  struct curl_slist *headers;
  int epoll_fd;
  long may_begin;  /* number of requests that a client may have begun by now */
  long answered;
  long wrong;      /* answered with another request's response */
  long failed;     /* ended with an error */
  long given_up;   /* not ended in time */
  long ended;
  const char *failed_call; /* the call that failed in this program; NULL:
                              none */
  const char *failed_why;
};

long long now_ns(void);
bool fleet_open(struct fleet *fleet, const struct options *options);
/* Makes each client's requests up to this number, and waits for them all. */
void fleet_run(struct fleet *fleet, long upto);
void fleet_close(struct fleet *fleet);
void fleet_stop(struct fleet *fleet, const char *what, const char *why);

/* The easy handles of a client. */
bool slot_open(struct slot *slot, struct client *client);
bool slot_begin(struct slot *slot);
void slot_end(struct slot *slot, CURLcode result, long status);
void slot_give_up(struct slot *slot);
void slot_close(struct slot *slot);

/* How many writes the kernel refused because the socket was full. */
long blocked_writes(void);

#endif
