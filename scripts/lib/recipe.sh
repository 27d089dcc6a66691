# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# How a libcurl tree is built in place: straight from its list of files up to
# 7.64.1, and later ones the way they bring along. Each leaves the public
# headers in include/curl and sets built_library to the shared object it made,
# which together are all that a prefix needs, and recipe_flags to what the
# manifest is to say beside the flags that all have in common. Minimal is HTTP
# and HTTPS; full is every protocol that needs no further library, HTTP/2,
# compressed bodies and international names.
#
# Minimal leaves NTLM out up to 7.64.1: its code before 7.64.0 reads and writes
# beyond its buffers (CVE-2018-16890, CVE-2019-3822; SECURITY.md).
#
# This file is part of the build key: change it and everything is built anew.

# recipe_of TREE - which way fits the tree of release $number.
recipe_of() {
  if (($(release_rank "$number") <= 76401)); then
    echo files
  elif [[ -f $1/configure ]]; then
    echo configure
  elif [[ -f $1/CMakeLists.txt ]]; then
    echo cmake
  else
    die "the tree of libcurl $number has neither configure nor" \
      "CMakeLists.txt; use an official release archive"
  fi
}

# What full needs beside OpenSSL, as pkg-config calls it.
full_libraries=(libidn2 libnghttp2 zlib)

# need_features FEATURES - dies unless the libraries for them are there.
need_features() {
  [[ $1 == full ]] || return 0
  need pkg-config
  pkg-config --exists "${full_libraries[@]}" ||
    die "--features full needs ${full_libraries[*]}: run as root: apt-get" \
      "install libidn2-dev libnghttp2-dev zlib1g-dev"
}

# compile_flags SANITIZE - prints the flags that all three have in common.
compile_flags() {
  if [[ $1 == true ]]; then
    printf '%s\n' -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined
  else
    printf '%s\n' -O2 -g
  fi
}

# Where the certificates are that a client trusts by default, as configure
# would find it. Absent on a machine without ca-certificates.
ca_bundle=/etc/ssl/certs/ca-certificates.crt

# build_files TREE - every source file, straight. What configure would find
# out is in data/curl_config.h and data/curlbuild.h.
build_files() {
  local tree=$1 libraries=()
  prepare_files "$tree"
  recipe_flags=(-DUSE_OPENSSL)
  if [[ $features == full ]]; then
    recipe_flags+=(-DUSE_NGHTTP2 -DHAVE_LIBZ -DHAVE_ZLIB_H -DHAVE_LIBIDN2
      -DHAVE_IDN2_H)
    mapfile -t libraries < <(pkg-config --cflags --libs \
      "${full_libraries[@]}" | xargs -n 1)
  else
    recipe_flags+=(-DHTTP_ONLY -DCURL_DISABLE_NTLM)
  fi
  [[ ! -r $ca_bundle ]] ||
    recipe_flags+=("-DCURL_CA_BUNDLE=\"$ca_bundle\"")
  (
    cd -- "$tree" || exit 1
    mapfile -t defines < <(files_defines .)
    mapfile -t sources < <(files_sources .)
    # A library that lacks a symbol is not worth installing; the sanitizers
    # leave theirs to be found at run time.
    complete=-Wl,-z,defs
    [[ $sanitize != true ]] || complete=
    {
      echo "objects := ${sources[*]/%.c/.o}"
      echo "libcurl.so.4: \$(objects)"
      echo "	cc -shared -Wl,-soname,libcurl.so.4 $complete ${flags[*]} -o \$@" \
        "\$(objects) ${openssl_link[*]@Q} -lssl -lcrypto ${libraries[*]} -pthread"
      echo "%.o: %.c"
      echo "	cc -c -w -fPIC -fvisibility=hidden ${flags[*]}" \
        "-ffile-prefix-map=\"\$\$PWD\"=. ${defines[*]} ${recipe_flags[*]@Q}" \
        "${openssl_compile[*]@Q} ${libraries[*]} -o \$@ \$<"
    } >curlpipe.mk
  )
  logged "compiling" make -C "$tree" -f curlpipe.mk -j "$(nproc)"
  built_library=$tree/libcurl.so.4
}

# prepare_files TREE - gives the tree the headers that configure would make.
prepare_files() {
  cp -- "$root"/scripts/data/{curl_config,openssl-4}.h "$1/lib/"
  # One that a tree without configure may have of its own has no say.
  [[ ! -f $1/lib/config-linux.h ]] || : >"$1/lib/config-linux.h"
  [[ ! -f $1/include/curl/curlrules.h && ! -f $1/include/curl/curlbuild.h ]] ||
    cp -- "$root/scripts/data/curlbuild.h" "$1/include/curl/"
}

# files_defines TREE - the arguments that every file is compiled with.
files_defines() {
  printf '%s\n' -DBUILDING_LIBCURL -DHAVE_CONFIG_H "-I$1/include" "-I$1/lib"
  # Up to 7.55.1 the public headers say it, and nothing else may.
  grep -qs 'SIZEOF_CURL_OFF_T shall not be defined' "$1/lib/curl_setup.h" ||
    echo -DSIZEOF_CURL_OFF_T=8
}

# files_sources TREE - every source file.
files_sources() (cd -- "$1" && find lib -maxdepth 2 -name '*.c' | LC_ALL=C sort)

# build_configure TREE - the way of a release archive.
build_configure() {
  local tree=$1 protocol library
  recipe_flags=(--disable-static --enable-shared --disable-dependency-tracking
    --enable-threaded-resolver --enable-ipv6 --disable-manual
    "--with-ssl${openssl_prefix:+=$openssl_prefix}")
  local protocols=(ldap ldaps)
  local libraries=(brotli gnutls gssapi libidn libmetalink libpsl librtmp libssh
    libssh2 nss winidn zstd)
  if [[ $features == full ]]; then
    recipe_flags+=(--with-libidn2 --with-nghttp2 --with-zlib)
  else
    protocols+=(dict file ftp gopher imap pop3 rtsp smb smtp telnet tftp)
    libraries+=(libidn2 nghttp2 zlib)
  fi
  for protocol in "${protocols[@]}"; do
    recipe_flags+=("--disable-$protocol")
  done
  for library in "${libraries[@]}"; do
    recipe_flags+=("--without-$library")
  done
  # A file that is older than what it is made from would have the autotools
  # run again, in a version that this machine may not have.
  find "$tree" -exec touch -r "$tree/configure" -- {} +
  (
    cd -- "$tree" || exit 1
    export CFLAGS="${flags[*]} -w" CPPFLAGS="${openssl_compile[*]}"
    export LDFLAGS="${openssl_link[*]}"
    [[ -z $openssl_prefix ]] ||
      export PKG_CONFIG_PATH="$openssl_prefix/lib/pkgconfig"
    logged "configure" ./configure "--prefix=$prefix" "${recipe_flags[@]}"
    logged "compiling" make -C lib -j "$(nproc)"
  )
  built_library=$tree/lib/.libs/libcurl.so.4
}

# build_cmake TREE - the way of a checkout of curl's repository. curl's cmake
# files know nothing of the number in libcurl.so.4 for most of its history;
# the last soname on the link line counts, and these libraries come last.
build_cmake() {
  local tree=$1
  command -v cmake >/dev/null ||
    die "the tree is built with cmake, which is not installed: run" \
      "apt-get install cmake as root, or use a release archive"
  local minimal=ON more=OFF
  if [[ $features == full ]]; then
    minimal=OFF
    more=ON
  fi
  recipe_flags=(-DCMAKE_BUILD_TYPE=None -DBUILD_SHARED_LIBS=ON
    -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF "-DHTTP_ONLY=$minimal"
    -DCMAKE_USE_OPENSSL=ON -DCURL_USE_OPENSSL=ON -DENABLE_MANUAL=OFF
    -DENABLE_THREADED_RESOLVER=ON -DENABLE_IPV6=ON "-DCURL_ZLIB=$more"
    -DCMAKE_USE_LIBSSH2=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF
    "-DUSE_NGHTTP2=$more" "-DUSE_LIBIDN2=$more" -DCURL_DISABLE_LDAP=ON
    -DCURL_DISABLE_LDAPS=ON)
  logged "cmake" cmake -S "$tree" -B "$tree" "${recipe_flags[@]}" \
    -DCMAKE_C_STANDARD_LIBRARIES=-Wl,-soname,libcurl.so.4 \
    "-DCMAKE_C_FLAGS=${flags[*]} -w ${openssl_compile[*]}" \
    "-DCMAKE_SHARED_LINKER_FLAGS=${openssl_link[*]}" \
    ${openssl_prefix:+"-DOPENSSL_ROOT_DIR=$openssl_prefix"}
  logged "compiling" cmake --build "$tree" --parallel "$(nproc)"
  built_library=$(find "$tree/lib" -maxdepth 1 -name 'libcurl*.so*' \
    -type f -print -quit)
}
