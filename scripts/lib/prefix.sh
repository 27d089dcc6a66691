# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# From a tree to a prefix: version, stamp, files, manifest, names.
#
# This file is part of the build key: change it and everything is built anew.

# version_part PART TREE - MAJOR, MINOR or PATCH, from the tree's header.
version_part() {
  sed -nE "s/^#define LIBCURL_VERSION_$1 +([0-9]+).*/\1/p" \
    "$2/include/curl/curlver.h"
}

# read_version TREE - sets number (7.53.1) and pipelining.
read_version() {
  local major minor patch
  major=$(version_part MAJOR "$1")
  minor=$(version_part MINOR "$1")
  patch=$(version_part PATCH "$1")
  [[ -n $major && -n $minor && -n $patch ]] ||
    die "cannot read the version in include/curl/curlver.h of $source_origin"
  number=$major.$minor.$patch
  pipelining=true
  can_pipeline "$number" || pipelining=false
}

# can_pipeline VERSION - 7.62.0 is the first that ignores CURLMOPT_PIPELINING.
can_pipeline() { (($(release_rank "$1") < 76200)); }

# refuse_to_patch VERSION - dies when there is nothing to mend in a release.
refuse_to_patch() {
  [[ $variant == stock ]] || can_pipeline "$1" ||
    die "libcurl $1 cannot pipeline HTTP/1.1, 7.61.1 is the last that can:" \
      "there is nothing to patch; --variant stock builds it"
}

# stamp_version TREE - makes the library say which one it is.
stamp_version() {
  libcurl_version=$number-$variant
  [[ $variant != patched ]] || libcurl_version=$number-doing.${#names[@]}
  sed -i -E "s/^(#define LIBCURL_VERSION ).*/\1\"$libcurl_version\"/" \
    "$1/include/curl/curlver.h"
}

# install_prefix TREE INTO - what a user of the library needs.
install_prefix() {
  local tree=$1 into=$2 soname said
  soname=$(readelf -d "$built_library" 2>>"$log" |
    sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
  [[ $soname == libcurl.so.4 ]] ||
    die "the build made ${soname:-no library} instead of libcurl.so.4;" \
      "use a release archive with a configure script; log: $log"
  said=$(loaded_version "$built_library" "${flags[@]}")
  [[ $said == "$libcurl_version" ]] ||
    die "the built library says that it is ${said:-nothing at all} and not" \
      "$libcurl_version; log: $log"
  mkdir -p -- "$into/lib/pkgconfig" "$into/include/curl"
  cp -L -- "$built_library" "$into/lib/libcurl.so.4"
  ln -s libcurl.so.4 "$into/lib/libcurl.so"
  cp -- "$tree"/include/curl/*.h "$into/include/curl/"
  cat >"$into/lib/pkgconfig/libcurl.pc" <<PC
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: libcurl
Description: libcurl $libcurl_version with OpenSSL $openssl_version
Version: $number
Libs: -L\${libdir} -lcurl
Cflags: -I\${includedir}
PC
  write_manifest "$into/lib/libcurl.so.4" >"$into/manifest.json"
}

# is_built PREFIX - whether the library in it is the one that was built.
is_built() {
  local said
  [[ -f $1/manifest.json && -f $1/lib/libcurl.so.4 ]] || return 1
  said=$(sed -nE 's/^ +"library_sha256" : "([0-9a-f]+)",?$/\1/p' \
    "$1/manifest.json")
  [[ $said == "$(file_hash "$1/lib/libcurl.so.4")" ]]
}

# remove_altered PREFIX - makes room for a build instead of one whose
# library was cut or changed since.
remove_altered() {
  [[ -e $1 ]] || return 0
  say "the library in $1 is not what was built: building it again"
  rm -rf -- "$1"
}

# write_manifest LIBRARY - what went into this prefix, as JSON.
write_manifest() {
  local preload=
  [[ $sanitize == false ]] || preload=$(readlink -f -- \
    "$(cc -print-file-name=libasan.so)")
  library_sha256=$(file_hash "$1") \
    variant=$variant version=$number libcurl_version=$libcurl_version \
    origin=$source_origin source_sha256=$source_sha256 \
    openssl_version=$openssl_version openssl_prefix=$openssl_prefix \
    features=$features series_sha256=$series_sha256 \
    series=${own_series:-} patches=$(printf '%s\n' "${names[@]}") \
    sanitize=$sanitize preload=$preload \
    flags=$(printf '%s\n' "${flags[@]}" "${recipe_flags[@]}") \
    pipelining=$pipelining perl -MJSON::PP -e '
      sub truth { $ENV{$_[0]} eq "true" ? JSON::PP::true : JSON::PP::false }
      sub list { [grep { length } split /\n/, $ENV{$_[0]}] }
      print JSON::PP->new->pretty->canonical->encode({
        library_sha256 => $ENV{library_sha256},
        variant => $ENV{variant}, version => $ENV{version},
        libcurl_version => $ENV{libcurl_version},
        source => { origin => $ENV{origin}, sha256 => $ENV{source_sha256} },
        openssl => { version => $ENV{openssl_version},
                     prefix => $ENV{openssl_prefix} },
        features => $ENV{features},
        patch_series_sha256 => $ENV{series_sha256},
        patch_series => $ENV{series},
        patches => list("patches"), sanitize => truth("sanitize"),
        preload => $ENV{preload},
        flags => list("flags"), pipelining => truth("pipelining") });'
}

# link_name - libcurl/by-name/ gets a link to builds of official sources.
link_name() {
  local name link
  [[ $source_name != none && -z $own_series ]] || return 0
  name=$variant$source_name
  [[ $features == minimal ]] || name+=-$features
  [[ $sanitize == false ]] || name+=-sanitize
  [[ -z $openssl_name ]] || name+=-openssl-$openssl_name
  link=$cache/libcurl/by-name/$name
  [[ $(readlink -- "$link" || true) != "../$key" ]] || return 0
  ln -s -- "../$key" "$link.$$"
  mv -T -- "$link.$$" "$link"
}
