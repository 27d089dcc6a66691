#ifndef DRIVE_H
#define DRIVE_H
/*
 * Drives libcurl's multi interface one turn at a time, as an application does:
 * with curl_multi_perform(), or with curl_multi_socket_action() and callbacks
 * for sockets and the timer. The tests of harness/acceptance have it, too.
 */
#include <curl/curl.h>

#define DRIVE_SOCKETS 1024      /* descriptors are below this number */

extern int drive_by_socket;     /* with curl_multi_socket_action() */
extern int drive_what_for[DRIVE_SOCKETS]; /* CURL_POLL_..., by descriptor */
extern int drive_removals;      /* calls with CURL_POLL_REMOVE */

/* sets the callbacks of a new multi handle; no other is in use any more */
void drive_begin(CURLM *multi, int by_socket);

/* one turn, without waiting; TRUE if a socket had an event */
int drive_step(CURLM *multi);

long drive_now_ms(void);

/* a listener on loopback that does not block, or -1; errno says why. Buffer is
   SO_RCVBUF of what it accepts, 0: as it is */
int drive_listen(int buffer, int *port);
#endif
