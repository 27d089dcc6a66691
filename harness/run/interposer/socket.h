#ifndef INTERPOSER_SOCKET_H
#define INTERPOSER_SOCKET_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Counts a write of the host; true when it is the one that is to find the
   socket full, see PIPELAB_BLOCKED_SEND. */
bool socket_write_is_due(void);

/* True when PIPELAB_SEND_BUFFER is set. */
bool socket_clamps(void);

/* Clamps the send buffer of a TCP socket, where PIPELAB_SEND_BUFFER asks for it
   and connect() has not done so: some programs connect past libc. Leaves errno
   alone. */
void socket_clamp(int fd);

#pragma GCC visibility pop

#endif
