# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Three ways to build a libcurl tree in place. Each leaves the public headers
# in include/curl and sets built_library to the shared object it made, which
# together are all that a prefix needs, and recipe_flags to what the manifest
# is to say beside the flags that all have in common. Only HTTP and HTTPS are
# built: everything else is dead weight for a client that pipelines.
#
# This file is part of the build key: change it and everything is built anew.

# recipe_of TREE - which way fits the tree.
recipe_of() {
  if [[ -f $1/configure ]]; then
    echo configure
  elif [[ -f $1/CMakeLists.txt ]]; then
    echo cmake
  elif [[ -f $1/lib/config-linux.h && -f $1/include/curl/curlbuild.h ]]; then
    echo files
  else
    die "the tree has neither configure nor CMakeLists.txt, and no" \
      "lib/config-linux.h with include/curl/curlbuild.h to do without; use" \
      "an official release archive"
  fi
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
# out is in data/curl_config.h.
build_files() {
  local tree=$1
  recipe_flags=(-DBUILDING_LIBCURL -DHTTP_ONLY -DUSE_OPENSSL -DHAVE_CONFIG_H)
  [[ ! -r $ca_bundle ]] ||
    recipe_flags+=("-DCURL_CA_BUNDLE=\"$ca_bundle\"")
  cp -- "$root"/scripts/data/{curl_config,openssl-4}.h "$tree/lib/"
  (
    cd -- "$tree" || exit 1
    sources=(lib/*.c)
    for directory in lib/vtls lib/vauth; do
      [[ ! -d $directory ]] || sources+=("$directory"/*.c)
    done
    # A library that lacks a symbol is not worth installing; the sanitizers
    # leave theirs to be found at run time.
    complete=-Wl,-z,defs
    [[ $sanitize != true ]] || complete=
    {
      echo "objects := ${sources[*]/%.c/.o}"
      echo "libcurl.so.4: \$(objects)"
      echo "	cc -shared -Wl,-soname,libcurl.so.4 $complete ${flags[*]} -o \$@" \
        "\$(objects) ${openssl_link[*]@Q} -lssl -lcrypto -pthread"
      echo "%.o: %.c"
      echo "	cc -c -w -fPIC -fvisibility=hidden ${flags[*]}" \
        "-ffile-prefix-map=\"\$\$PWD\"=. ${recipe_flags[*]@Q} -Iinclude -Ilib" \
        "${openssl_compile[*]@Q} -o \$@ \$<"
    } >curlpipe.mk
  )
  logged "compiling" make -C "$tree" -f curlpipe.mk -j "$(nproc)"
  built_library=$tree/libcurl.so.4
}

# build_configure TREE - the way of a release archive.
build_configure() {
  local tree=$1 protocol library
  recipe_flags=(--disable-static --enable-shared --disable-dependency-tracking
    --enable-threaded-resolver --enable-ipv6 --disable-manual
    "--with-ssl${openssl_prefix:+=$openssl_prefix}")
  for protocol in dict file ftp gopher imap ldap ldaps pop3 rtsp smb smtp \
    telnet tftp; do
    recipe_flags+=("--disable-$protocol")
  done
  for library in brotli gnutls gssapi libidn libidn2 libmetalink libpsl \
    librtmp libssh libssh2 nghttp2 nss winidn zlib zstd; do
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
  recipe_flags=(-DCMAKE_BUILD_TYPE=None -DBUILD_SHARED_LIBS=ON
    -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DHTTP_ONLY=ON
    -DCMAKE_USE_OPENSSL=ON -DCURL_USE_OPENSSL=ON -DENABLE_MANUAL=OFF
    -DENABLE_THREADED_RESOLVER=ON -DENABLE_IPV6=ON -DCURL_ZLIB=OFF
    -DCMAKE_USE_LIBSSH2=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF
    -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF)
  logged "cmake" cmake -S "$tree" -B "$tree" "${recipe_flags[@]}" \
    -DCMAKE_C_STANDARD_LIBRARIES=-Wl,-soname,libcurl.so.4 \
    "-DCMAKE_C_FLAGS=${flags[*]} -w ${openssl_compile[*]}" \
    "-DCMAKE_SHARED_LINKER_FLAGS=${openssl_link[*]}" \
    ${openssl_prefix:+"-DOPENSSL_ROOT_DIR=$openssl_prefix"}
  logged "compiling" cmake --build "$tree" --parallel "$(nproc)"
  built_library=$(find "$tree/lib" -maxdepth 1 -name 'libcurl*.so*' \
    -type f -print -quit)
}
