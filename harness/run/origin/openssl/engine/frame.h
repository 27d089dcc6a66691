#ifndef TLS_ENGINE_FRAME_H
#define TLS_ENGINE_FRAME_H

/*
 * What the origin and the engine say to each other, on stdin and stdout.
 *
 * A frame is one byte that says what it is, the number of the connection it
 * is about, the length of its content, and the content. Numbers have four
 * bytes, the highest first. The origin sends a command, the engine answers
 * with any number of other frames and then with FRAME_DONE, and never speaks
 * unasked. ../protocol.go has the same table.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest content of a frame. The longest TLS record that a header can
   announce is 65540 bytes. */
#define FRAME_MAX (128 * 1024)

/* The maximum application data in one TLS record. */
#define RECORD_MAX 16384

enum frame_type {
  /* Commands. */
  FRAME_IDENTITY = 'i',    /* certificates and key in PEM; the first command */
  FRAME_OPEN = 'n',        /* a new connection */
  FRAME_RECEIVED = 'r',    /* bytes that came from the client */
  FRAME_WRITE = 'w',       /* plain bytes to send, up to RECORD_MAX */
  FRAME_RENEGOTIATE = 'g',
  FRAME_KEY_UPDATE = 'k',  /* one byte: 1 asks the client for one as well */
  FRAME_TICKET = 't',
  FRAME_CLOSE_NOTIFY = 's',
  FRAME_FREE = 'f',        /* forgets the connection */

  /* Answers. */
  FRAME_SEND = 'o',        /* bytes that have to go to the client */
  FRAME_PLAIN = 'p',       /* plain bytes that the client sent */
  FRAME_MESSAGE = 'm',     /* a TLS message: struct frame_message */
  FRAME_SECRET = 'l',      /* a line of SSLKEYLOGFILE */
  FRAME_DONE = 'd'         /* status, flags, and a text */
};

/* The four bytes of a FRAME_MESSAGE. */
struct frame_message {
  unsigned char sent;          /* 1: by the engine, 0: by the client */
  unsigned char content_type;  /* 21: alert, 22: handshake */
  unsigned char first;         /* level of the alert, or type of message */
  unsigned char second;        /* description of the alert */
};

/* The first byte of a FRAME_DONE. */
enum frame_status {
  STATUS_OK = 0,
  STATUS_FAILED = 1,   /* TLS has failed, the connection cannot be used any
                          more */
  STATUS_REFUSED = 2   /* impossible now or always; nothing has changed */
};

/* The second byte of a FRAME_DONE, about the connection. */
enum frame_flag {
  FLAG_ESTABLISHED = 1,    /* the first handshake is complete */
  FLAG_RENEGOTIATING = 2,  /* another one was requested and is not complete */
  FLAG_CLOSE_NOTIFY = 4    /* the client has sent its close_notify */
};

struct frame {
  enum frame_type type;
  uint32_t connection;
  size_t length;
  unsigned char content[FRAME_MAX];
};

/* Reads the next command. Returns false at the end of stdin. Ends the program
   if the input is not a frame. */
bool frame_read(struct frame *frame);

/* Writes a frame; FRAME_DONE also flushes what was written so far. Ends the
   program if there is no reader any more. */
void frame_write(enum frame_type type, uint32_t connection,
                 const void *content, size_t length);

/* Ends the program with a line on stderr. */
__attribute__((format(printf, 1, 2), noreturn))
void give_up(const char *format, ...);

#endif
