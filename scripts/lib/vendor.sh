# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# The libcurl that a vendor ships: the upstream release with the vendor's
# patches on it, in the form that the vendor keeps them in. vendor_source sets
#   vendor_kind      rpm or debian
#   vendor_dir       the folder with the patches
#   vendor_version, vendor_release
#   vendor_patches   FILE LEVEL of each, in order
# beside what source.sh says, and copy_vendor makes the tree.

vendor_patches=()

# vendor_source PATH - whether PATH is the source package of a vendor.
vendor_source() {
  local path=$1
  if [[ -d $path ]]; then
    if [[ -f $path/SPECS/curl.spec && -d $path/SOURCES ]]; then
      rpm_source "$path"
    elif [[ -f $path/debian/patches/series ]]; then
      debian_source "$path"
    else
      return 1
    fi
  elif [[ $path == *.src.rpm ]]; then
    need rpm2cpio cpio
    unpack_vendor "$path"
    mkdir -- "$unpacked"/{SPECS,SOURCES}
    (cd -- "$unpacked/SOURCES" && rpm2cpio "$path" | cpio -idm --quiet) \
      2>>"$log" || die "$path: not a source package of rpm; log: $log"
    mv -- "$unpacked"/SOURCES/*.spec "$unpacked/SPECS/curl.spec" 2>>"$log" ||
      die "$path: there is not exactly one spec file in it"
    rpm_source "$unpacked"
  elif [[ $path == *.dsc ]]; then
    need dpkg-source
    unpack_vendor "$path"
    # The script applies the vendor's patches, so they are part of the hash.
    dpkg-source --no-check --skip-patches -x "$path" "$unpacked/tree" \
      >>"$log" 2>&1 ||
      die "$path: dpkg-source cannot unpack it ($(tail -n 1 "$log"));" \
        "log: $log"
    debian_source "$unpacked/tree"
  else
    return 1
  fi
}

# unpack_vendor PATH - sets unpacked to an empty folder that goes when the
# script ends.
unpack_vendor() {
  log=$cache/logs/source-vendor.log
  : >"$log"
  unpacked=$cache/tmp/vendor-$$
  scratch_paths+=("$unpacked")
  mkdir -- "$unpacked"
}

# vendor_words - what the source is, for people.
vendor_words() {
  local count=${#vendor_patches[@]} noun="patches"
  ((count != 1)) || noun="patch"
  echo "libcurl $vendor_version, release $vendor_release of the vendor, $count $noun"
}

# rpm_source DIR - SPECS/curl.spec and SOURCES/, as rpm keeps them.
rpm_source() {
  local line upstream
  vendor_dir=$1/SOURCES
  while IFS=$'\t' read -ra line; do
    case ${line[0]} in
      version) vendor_version=${line[1]} ;;
      release) vendor_release=${line[1]} ;;
      archive) upstream=${line[1]} ;;
      patch) vendor_patches+=("${line[1]} ${line[2]}") ;;
    esac
  done < <(perl "$root/scripts/lib/spec.pl" "$1/SPECS/curl.spec" || echo failed)
  [[ ${line[0]:-} != failed ]] ||
    die "cannot read $1/SPECS/curl.spec; the line above says why"
  if [[ -n $archive ]]; then
    vendor_upstream "$archive"
  elif [[ -f $vendor_dir/$upstream ]]; then
    vendor_upstream "$vendor_dir/$upstream"
  else
    die "--source $source: SOURCES has no $upstream; pass it, or a clone of" \
      "curl's repository, with --archive"
  fi
  vendor_kind=rpm
  source_origin="RPM source of $(vendor_words), on $source_origin"
  source_name=none
  source_sha256=$({
    echo "$source_sha256"
    vendor_hash "$1/SPECS/curl.spec"
  } | text_hash)
}

# vendor_upstream PATH - the release that the patches go on: an archive, a
# tree, or what a clone has under the tag of the version.
vendor_upstream() {
  local path
  path=$(absolute "$1")
  [[ -r $path ]] || die "--archive $1: no such file or folder"
  if [[ -d $path && ! -f $path/include/curl/curlver.h ]] ||
    [[ -e $path/.git ]]; then
    version=$vendor_version
    clone_source "$path"
    version=
  else
    source=$1 plain_source "$path"
  fi
}

# vendor_hash FILE... - over the files and every patch.
vendor_hash() {
  local patch
  cat -- "$@"
  for patch in "${vendor_patches[@]}"; do
    echo "$patch"
    [[ ! -f $vendor_dir/${patch% *} ]] || cat -- "$vendor_dir/${patch% *}"
  done
}

# debian_source DIR - an unpacked source package. What .pc says is applied is
# in the tree already.
debian_source() {
  local name options level applied
  vendor_dir=$1/debian/patches
  applied=$1/.pc/applied-patches
  if [[ -f $vendor_dir/series ]]; then
    while read -r name options; do
      [[ -n $name && $name != \#* ]] || continue
      level=1
      [[ ! $options =~ ^-p([0-9]+) ]] || level=${BASH_REMATCH[1]}
      vendor_patches+=("$name $level")
    done <"$vendor_dir/series"
  fi
  read -r _ name _ <"$1/debian/changelog" 2>/dev/null ||
    die "--source $source: no debian/changelog in it"
  name=${name#(}
  name=${name%)}
  vendor_version=${name%-*}
  vendor_release=${name##*-}
  vendor_applied=()
  [[ ! -f $applied ]] || mapfile -t vendor_applied <"$applied"
  vendor_kind=debian
  source_dir=$1
  source_origin="Debian source of $(vendor_words)"
  source_sha256=$(tree_hash "$1")
}

# copy_vendor DIR - the upstream tree with the vendor's patches.
copy_vendor() {
  local tree=$1 patch name level
  say "$(vendor_words)"
  copy_plain "$tree"
  for patch in "${vendor_patches[@]}"; do
    name=${patch% *}
    level=${patch##* }
    [[ " ${vendor_applied[*]:-} " != *" $name "* ]] || continue
    [[ -f $vendor_dir/$name ]] ||
      die "$source_origin: its patch $name is not there"
    vendor_patch "$name" "$level" "$tree"
  done
  # quilt's own files, and the vendor's, are not part of libcurl.
  rm -rf -- "$tree/.pc"
}

# vendor_patch NAME LEVEL TREE - rpm allows no fuzz, quilt what patch(1) does.
# Tests may have binary parts, which patch(1) does not know.
vendor_patch() {
  local name=$1 level=$2 tree=$3 output fuzz=(--fuzz=0) misfits
  [[ $vendor_kind == rpm ]] || fuzz=()
  output=$(LC_ALL=C patch -d "$tree" "-p$level" "${fuzz[@]}" --forward \
    --batch --no-backup-if-mismatch --reject-file=- \
    <"$vendor_dir/$name" 2>&1) && return 0
  printf '%s\n%s\n' "$name" "$output" >>"$log"
  misfits=$(misfit_files <<<"$output")
  if [[ -z $misfits ]] || grep -qv '^tests/' <<<"$misfits"; then
    die "the vendor's patch $name does not apply to libcurl" \
      "$vendor_version: $(failed_hunks <<<"$output"); log: $log"
  fi
  say "skipped what does not apply in the vendor's $name:" \
    "$(paste -sd ' ' <<<"$misfits")"
}

# misfit_files - the files that patch(1) could not patch, from its messages.
misfit_files() {
  awk '
    function bad(name) { if(!seen[name]++) print name }
    /^(patching|checking) file / { file = $3 }
    /^Hunk #[0-9]+ (FAILED|ignored)/ { bad(file) }
    /^[0-9]+ out of [0-9]+ hunks? (FAILED|ignored)/ { bad(file) }
    /^File .*: git binary diffs are not supported/ {
      sub(/:$/, "", $2); bad($2)
    }
    /^\|(---|\+\+\+) / { named = $2; sub(/^[^\/]*\//, "", named) }
    /^No file to patch|^can.t find file to patch/ { file = named }
    /^No file to patch/ { bad(named) }' | LC_ALL=C sort -u
}
