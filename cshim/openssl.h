#ifndef CSHIM_OPENSSL_H
#define CSHIM_OPENSSL_H
/*
 * The OpenSSL that libcurl has loaded. Its functions are looked up in the
 * process, so nothing here depends on the version of OpenSSL at build time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef long openssl_bio_callback(void *bio, int operation, const char *data,
                                  size_t length, int argi, long argl,
                                  int result, size_t *processed);

/* OpenSSL's functions, named without the prefix of their type. */
struct openssl {
  int (*new_index)(int class_index, long argl, void *argp, void *new_func,
                   void *dup_func, void *free_func);
  int (*set_data)(void *context, int index, void *data);
  void *(*get_data)(const void *context, int index);
  uint64_t (*clear_options)(void *context, uint64_t options);
  void (*on_info)(void *context, void (*callback)(const void *, int, int));
  void (*on_key)(void *context, void (*callback)(const void *, const char *));
  void (*on_message)(void *context,
                     void (*callback)(int written, int version, int kind,
                                      const void *data, size_t length,
                                      void *ssl, void *userp));
  void (*on_message_of)(void *ssl,
                        void (*callback)(int, int, int, const void *, size_t,
                                         void *, void *));
  long (*context_control)(void *context, int command, long number,
                          void *pointer);
  void *(*context_of)(const void *ssl);
  void *(*bio_of)(const void *ssl);
  void (*set_bio)(void *ssl, void *input, void *output);
  long (*control)(void *ssl, int command, long number, void *pointer);
  int (*free_buffers)(void *ssl);
  int (*want)(const void *ssl);
  int (*has_pending)(const void *ssl);
  int (*peek)(void *ssl, void *data, int length);
  int (*read)(void *ssl, void *data, int length);
  int (*error_of)(const void *ssl, int result);
  void (*clear_errors)(void);
  int (*socket_of)(const void *ssl);
  int (*version)(const void *ssl);
  int (*resumed)(const void *ssl);
  int (*offer_protocols)(void *ssl, const unsigned char *names,
                         unsigned length);
  void (*agreed_protocol)(const void *ssl, const unsigned char **name,
                          unsigned *length);
  const char *(*server_name)(const void *ssl, int type);
  const void *(*cipher)(const void *ssl);
  uint16_t (*cipher_number)(const void *cipher);
  const void *(*peer_certificates)(const void *ssl);
  const void *(*verified_chain)(const void *ssl);
  long (*verify_result)(const void *ssl);
  void *(*session_of)(const void *ssl);
  const void *(*session_peer)(void *session);
  void *(*store_new)(void);
  void (*store_free)(void *store);
  int (*store_load)(void *store, const char *file, const char *folder);
  int (*store_set_flags)(void *store, unsigned long flags);
  void *(*store_param)(const void *store);
  unsigned long (*param_flags)(void *param);
  void *(*store_of)(const void *context);
  void (*set_store)(void *context, void *store);
  int (*verify_mode)(const void *context);
  void (*set_verify)(void *context, int mode,
                     int (*callback)(int verified, void *store));
  int (*ssl_index)(void);
  void *(*store_data)(const void *store, int index);
  int (*store_depth)(const void *store);
  int (*store_error)(const void *store);
  const void *(*store_untrusted)(const void *store);
  int (*encode)(const void *certificate, unsigned char **into);
  void (*store_set_error)(void *store, int error);
  void *(*store_certificate)(const void *store);
  int (*check_host)(void *certificate, const char *name, size_t length,
                    unsigned flags, char **peer_name);
  void *(*extension)(const void *certificate, int kind, int *critical,
                     int *index);
  void *(*subject)(const void *certificate);
  int (*name_text)(const void *name, int kind, char *into, int size);
  int (*stack_size)(const void *stack);
  void *(*stack_at)(const void *stack, int index);
  void *(*general_name)(const void *name, int *type);
  void (*names_free)(void *names);
  const unsigned char *(*string_data)(const void *string);
  int (*string_length)(const void *string);
  void (*bio_set_callback)(void *bio, openssl_bio_callback *callback);
  openssl_bio_callback *(*bio_get_callback)(const void *bio);
  void (*bio_set_argument)(void *bio, char *argument);
  char *(*bio_argument)(const void *bio);
  int (*bio_flags)(const void *bio, int flags);
  void (*bio_set_flags)(void *bio, int flags);
  void (*bio_clear_flags)(void *bio, int flags);
  int (*bio_type)(const void *bio);
  void *(*bio_new)(const void *method);
  int (*bio_share)(void *bio);
  void *(*bio_push)(void *bio, void *below);
  void *(*bio_below)(void *bio);
  long (*bio_control)(void *bio, int command, long number, void *pointer);
  int (*bio_read)(void *bio, void *data, int length);
  int (*bio_write)(void *bio, const void *data, int length);
  void (*bio_set_data)(void *bio, void *data);
  void *(*bio_get_data)(void *bio);
  void (*bio_set_init)(void *bio, int init);
  void *(*method_new)(int type, const char *name);
  int (*method_set_write)(void *method,
                          int (*call)(void *bio, const char *data, int size));
  int (*method_set_read)(void *method,
                         int (*call)(void *bio, char *data, int size));
  int (*method_set_control)(void *method,
                            long (*call)(void *bio, int command, long number,
                                         void *pointer));
  int (*method_set_destroy)(void *method, int (*call)(void *bio));
};

/* Returns NULL if libcurl has no OpenSSL, or one before 1.1.1. */
const struct openssl *openssl_loaded(void);

#endif
