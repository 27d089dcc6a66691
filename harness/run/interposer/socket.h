#ifndef INTERPOSER_SOCKET_H
#define INTERPOSER_SOCKET_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Counts a write of the host. Returns true if it is the one that must find the
   socket full, see PIPELAB_BLOCKED_SEND. */
bool socket_write_is_due(void);

/* True if PIPELAB_SEND_BUFFER is set. */
bool socket_clamps(void);

/* Limits the send buffer of a TCP socket if PIPELAB_SEND_BUFFER is set and
   connect() has not done so: some programs connect without libc. Preserves
   errno. */
void socket_clamp(int fd);

#pragma GCC visibility pop

#endif
