# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Which OpenSSL a libcurl is built against: the system's, or a prefix.

# openssl_arguments [PREFIX] - sets
#   openssl_prefix   the prefix, "" for the system's OpenSSL
#   openssl_version  for example 3.0.19 or 1.1.1w
#   openssl_name     what by-name/ calls it: the name that scripts/build-openssl
#                    gave it, or else its version; "" for the system's
#   openssl_identity what it is, in terms of the build key
#   openssl_compile, openssl_link   arguments for the compiler
#
# A prefix is also linked as RUNPATH: a run then needs LD_LIBRARY_PATH for
# libcurl alone and still gets the OpenSSL it was built against. (RUNPATH and
# not RPATH, so that LD_LIBRARY_PATH can put another OpenSSL in its place.)
openssl_arguments() {
  local text libraries
  openssl_prefix=
  openssl_name=
  openssl_identity=system
  openssl_compile=()
  openssl_link=()
  if [[ -n $1 ]]; then
    openssl_prefix=$(absolute "$1")
    libraries=$openssl_prefix/lib
    [[ -e $libraries/libssl.so ]] || libraries=$openssl_prefix/lib64
    [[ -f $openssl_prefix/include/openssl/ssl.h &&
      -e $libraries/libssl.so && -e $libraries/libcrypto.so ]] ||
      die "--openssl $1: no OpenSSL there (include/openssl/ssl.h," \
        "lib/libssl.so and lib/libcrypto.so are needed)"
    openssl_identity=$(cat -- "$libraries"/lib{ssl,crypto}.so | text_hash)
    openssl_compile=("-I$openssl_prefix/include")
    openssl_link=("-L$libraries" "-Wl,-rpath,$libraries" "-Wl,--enable-new-dtags")
  fi
  text=$(printf '#include <openssl/opensslv.h>\nOPENSSL_VERSION_TEXT\n' |
    cc -E -P "${openssl_compile[@]}" - 2>/dev/null | tail -n 1) ||
    die "no OpenSSL headers found; run scripts/setup first"
  text=${text#*OpenSSL }
  openssl_version=${text%% *}
  [[ $openssl_version == [0-9]* ]] ||
    die "cannot find a version in the OpenSSL headers (got: $text)"
  [[ -z $openssl_prefix ]] || openssl_name=$(built_name "$openssl_prefix")
  [[ -z $openssl_prefix || -n $openssl_name ]] || openssl_name=$openssl_version
}

# built_name PREFIX - the name that scripts/build-openssl gave it, or nothing.
built_name() {
  sed -nE 's/^   "name" : "([^"]+)",$/\1/p' "$1/manifest.json" 2>/dev/null ||
    true
}

# openssl_loader PREFIX - the loader of the libc that scripts/build-openssl has
# put beside it; nothing if the machine's libc is new enough.
openssl_loader() {
  local loader
  loader=$(sed -nE 's/^ *"loader" : "([^"]+)".*/\1/p' "$1/manifest.json" \
    2>/dev/null) || true
  [[ -z $loader ]] || printf '%s\n' "$1/$loader"
}
