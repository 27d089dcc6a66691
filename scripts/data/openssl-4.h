/* What libcurl 7.53.1 expects of OpenSSL and OpenSSL 4.0 no longer has. The
 * library behaves as with every other OpenSSL: both parts concern only what an
 * application has to ask for.
 *
 * curl_config.h includes this, and so every source file. */
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* The methods for SSL 3 are gone without the macro that says so. libcurl then
 * refuses CURL_SSLVERSION_SSLv3. */
#define OPENSSL_NO_SSL3_METHOD 1

/* For CURLOPT_CERTINFO, libcurl looks into an ASN1_STRING, which has become
 * opaque. This gives it a copy with the members that it wants, made with the
 * functions that took their place. */
struct asn1_string_st {
  int length;
  int type;
  const unsigned char *data;
};

static __inline__ ASN1_STRING *with_members(const ASN1_STRING *opaque)
{
  static __thread struct asn1_string_st copy;

  copy.length = ASN1_STRING_length(opaque);
  copy.type = ASN1_STRING_type(opaque);
  copy.data = ASN1_STRING_get0_data(opaque);
  return &copy;
}

static __inline__ void signature_with_members(const ASN1_BIT_STRING **signature,
                                              const X509_ALGOR **algorithm,
                                              const X509 *certificate)
{
  X509_get0_signature(signature, algorithm, certificate);
  if(*signature)
    *signature = with_members(*signature);
}

#define X509_get_serialNumber(certificate) \
  with_members(X509_get0_serialNumber(certificate))
#define X509_get0_signature(signature, algorithm, certificate) \
  signature_with_members(signature, algorithm, certificate)
