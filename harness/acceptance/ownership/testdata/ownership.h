#ifndef OWNERSHIP_H
#define OWNERSHIP_H
#include <curl/curl.h>

#define HANDLES 10
#define POST_SIZE 40
#define POST_BODY "a body that has exactly forty characters"

enum kind { GET, HEAD, POST };

enum place {
  FREE,             /* it is in no multi handle */
  ADDED,
  ENDED             /* its end was told */
};

struct handle {
  CURL *easy;
  enum place state;
  enum kind kind;
  int id;           /* the id of its request, which no other request has */
  int timed;        /* it has a CURLOPT_TIMEOUT */
  int paused;
  int calm;         /* it neither pauses nor aborts any longer */
  int harmed;       /* it may fail */
  size_t got;       /* of its body */
  struct curl_slist *fields;
};

extern struct handle handles[HANDLES];
extern int origin_port;

unsigned int pick(unsigned int below);    /* at random, by the seed */
void broken(const char *what, int id);    /* ends the program */
size_t body_size(int id);
char body_byte(int id, size_t at);
void harm_all(void);

void origin_begin(void);
int origin_step(int honest);              /* TRUE when something happened */
int origin_answers(int id);               /* TRUE once it has begun to
                                             answer */
void origin_end(void);
#endif
