# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Which version a libcurl is.

# loaded_version FILE [FLAG...] - what curl_version() of the library says of
# itself, 7.53.1-stock; nothing when it cannot be loaded. A compiler is free to
# keep the text where nobody finds it in the file. FLAGs are those that the
# library was compiled with: sanitizers have to be in the program. It is made in
# the scratch folder. An OpenSSL that came with a libc of its own is loaded by
# the loader of that.
loaded_version() {
  local library=$1 program=$scratch_dir/version loader run=()
  cc -x c "${@:2}" -o "$program" "$root/scripts/data/version/main.c" -ldl || return 1
  loader=$(openssl_loader "$openssl_prefix")
  [[ -z $loader ]] ||
    run=("$loader" --library-path "${loader%/*}:$openssl_prefix/lib")
  "${run[@]}" "$program" "$library" || true
}
