/*
 * openssl.c: looks up the functions of the OpenSSL that the process has
 * loaded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include "openssl.h"

static struct openssl functions;
static bool complete;
static pthread_once_t looked_up = PTHREAD_ONCE_INIT;

static void look_up(void)
{
  const struct {
    const char *name;
    void *into;
  } names[] = {
    { "CRYPTO_get_ex_new_index", &functions.new_index },
    { "SSL_CTX_set_ex_data", &functions.set_data },
    { "SSL_CTX_get_ex_data", &functions.get_data },
    { "SSL_CTX_clear_options", &functions.clear_options },
    { "SSL_CTX_set_info_callback", &functions.on_info },
    { "SSL_CTX_set_keylog_callback", &functions.on_key },
    { "SSL_CTX_set_msg_callback", &functions.on_message },
    { "SSL_set_msg_callback", &functions.on_message_of },
    { "SSL_CTX_ctrl", &functions.context_control },
    { "SSL_get_SSL_CTX", &functions.context_of },
    { "SSL_get_wbio", &functions.bio_of },
    { "SSL_set_bio", &functions.set_bio },
    { "SSL_ctrl", &functions.control },
    { "SSL_free_buffers", &functions.free_buffers },
    { "SSL_want", &functions.want },
    { "SSL_has_pending", &functions.has_pending },
    { "SSL_peek", &functions.peek },
    { "SSL_read", &functions.read },
    { "SSL_get_error", &functions.error_of },
    { "ERR_clear_error", &functions.clear_errors },
    { "SSL_get_fd", &functions.socket_of },
    { "SSL_version", &functions.version },
    { "SSL_session_reused", &functions.resumed },
    { "SSL_set_alpn_protos", &functions.offer_protocols },
    { "SSL_get0_alpn_selected", &functions.agreed_protocol },
    { "SSL_get_servername", &functions.server_name },
    { "SSL_get_current_cipher", &functions.cipher },
    { "SSL_CIPHER_get_protocol_id", &functions.cipher_number },
    { "SSL_get_peer_cert_chain", &functions.peer_certificates },
    { "SSL_get0_verified_chain", &functions.verified_chain },
    { "SSL_get_verify_result", &functions.verify_result },
    { "SSL_get_session", &functions.session_of },
    { "SSL_SESSION_get0_peer", &functions.session_peer },
    { "X509_STORE_new", &functions.store_new },
    { "X509_STORE_free", &functions.store_free },
    { "X509_STORE_load_locations", &functions.store_load },
    { "X509_STORE_set_flags", &functions.store_set_flags },
    { "X509_STORE_get0_param", &functions.store_param },
    { "X509_VERIFY_PARAM_get_flags", &functions.param_flags },
    { "SSL_CTX_get_cert_store", &functions.store_of },
    { "SSL_CTX_set1_cert_store", &functions.set_store },
    { "SSL_CTX_get_verify_mode", &functions.verify_mode },
    { "SSL_CTX_set_verify", &functions.set_verify },
    { "SSL_get_ex_data_X509_STORE_CTX_idx", &functions.ssl_index },
    { "X509_STORE_CTX_get_ex_data", &functions.store_data },
    { "X509_STORE_CTX_get_error_depth", &functions.store_depth },
    { "X509_STORE_CTX_get_error", &functions.store_error },
    { "X509_STORE_CTX_get0_untrusted", &functions.store_untrusted },
    { "i2d_X509", &functions.encode },
    { "X509_STORE_CTX_set_error", &functions.store_set_error },
    { "X509_STORE_CTX_get_current_cert", &functions.store_certificate },
    { "X509_check_host", &functions.check_host },
    { "X509_get_ext_d2i", &functions.extension },
    { "X509_get_subject_name", &functions.subject },
    { "X509_NAME_get_text_by_NID", &functions.name_text },
    { "OPENSSL_sk_num", &functions.stack_size },
    { "OPENSSL_sk_value", &functions.stack_at },
    { "GENERAL_NAME_get0_value", &functions.general_name },
    { "GENERAL_NAMES_free", &functions.names_free },
    { "ASN1_STRING_get0_data", &functions.string_data },
    { "ASN1_STRING_length", &functions.string_length },
    { "BIO_set_callback_ex", &functions.bio_set_callback },
    { "BIO_get_callback_ex", &functions.bio_get_callback },
    { "BIO_set_callback_arg", &functions.bio_set_argument },
    { "BIO_get_callback_arg", &functions.bio_argument },
    { "BIO_test_flags", &functions.bio_flags },
    { "BIO_set_flags", &functions.bio_set_flags },
    { "BIO_clear_flags", &functions.bio_clear_flags },
    { "BIO_method_type", &functions.bio_type },
    { "BIO_new", &functions.bio_new },
    { "BIO_up_ref", &functions.bio_share },
    { "BIO_push", &functions.bio_push },
    { "BIO_next", &functions.bio_below },
    { "BIO_ctrl", &functions.bio_control },
    { "BIO_read", &functions.bio_read },
    { "BIO_write", &functions.bio_write },
    { "BIO_set_data", &functions.bio_set_data },
    { "BIO_get_data", &functions.bio_get_data },
    { "BIO_set_init", &functions.bio_set_init },
    { "BIO_meth_new", &functions.method_new },
    { "BIO_meth_set_write", &functions.method_set_write },
    { "BIO_meth_set_read", &functions.method_set_read },
    { "BIO_meth_set_ctrl", &functions.method_set_control },
    { "BIO_meth_set_destroy", &functions.method_set_destroy }
  };
  size_t i;
  for(i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    void *found = dlsym(RTLD_DEFAULT, names[i].name);
    if(!found)
      return;
    memcpy(names[i].into, &found, sizeof(found));
  }
  complete = true;
}

const struct openssl *openssl_loaded(void)
{
  pthread_once(&looked_up, look_up);
  return complete ? &functions : NULL;
}
