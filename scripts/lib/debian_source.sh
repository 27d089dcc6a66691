# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# libcurl 7.53.1 out of a Debian source package, with nothing but apt.
#
# Everything happens in an apt directory of our own: the mirror and its keys
# are those the machine is set up with, the machine's lists and sources stay
# as they are, and no root is needed. apt checks the archive against the
# signed index, and we check the tree inside against a pinned hash.

# pinned_trees - the rows of the data file: suite, package, package version,
# libcurl version, path in the archive, tree hash; separated by tabs.
pinned_trees() { grep -v '^#' "$root/scripts/data/debian-sources.tsv"; }

# pinned_dir TREE_HASH - where the verified tree with this hash is kept.
pinned_dir() { printf '%s/sources/tree-%s\n' "$cache" "${1:0:16}"; }

# pinned_origin ROW... - how a manifest names the source.
pinned_origin() { printf 'Debian source package %s %s, %s\n' "$2" "$3" "$5"; }

# find_pinned_tree - sets source_dir, source_sha256 and source_origin if a
# pinned tree is in the cache, unchanged; otherwise fails. It moves a changed
# tree out of the way.
find_pinned_tree() {
  local row
  while IFS=$'\t' read -ra row; do
    source_dir=$(pinned_dir "${row[5]}")
    source_sha256=${row[5]}
    source_origin=$(pinned_origin "${row[@]}")
    [[ -d $source_dir ]] || continue
    [[ $(tree_hash "$source_dir") != "$source_sha256" ]] || return 0
    say "$source_dir is not what was fetched: it is now $source_dir.altered.$$"
    mv -T -- "$source_dir" "$source_dir.altered.$$"
  done < <(pinned_trees)
  return 1
}

# keep_pinned_tree DIR - moves DIR into the cache when its hash is a pinned
# one; otherwise fails. DIR is on the cache's file system.
keep_pinned_tree() {
  local row hash
  hash=$(tree_hash "$1")
  while IFS=$'\t' read -ra row; do
    [[ ${row[5]} == "$hash" ]] || continue
    mv -T -- "$1" "$(pinned_dir "$hash")"
    return 0
  done < <(pinned_trees)
  return 1
}

# unpack_curl ARCHIVE DIR - the folder of ARCHIVE that holds
# include/curl/curlver.h, unpacked as DIR. Fails when there is none.
unpack_curl() {
  local archive=$1 into=$2 members top depth
  members=$(tar -tf "$archive" 2>>"$log" |
    grep -E '(^|/)include/curl/curlver\.h$' | awk '{ print length, $0 }' |
    sort -n | head -n 1 | cut -d ' ' -f 2-) || return 1
  [[ -n $members ]] || return 1
  top=${members%include/curl/curlver.h}
  top=${top%/}
  mkdir -- "$into"
  if [[ -z $top || $top == . ]]; then
    tar -xf "$archive" -C "$into" --no-same-owner 2>>"$log"
  else
    depth=$(tr -cd / <<<"$top/" | wc -c)
    tar -xf "$archive" -C "$into" --no-same-owner \
      --strip-components="$depth" -- "$top" 2>>"$log"
  fi
}

# unpack_pinned ARCHIVE DIR - of the game's source archive, keep what the
# pinned hash covers: the two folders of libcurl itself.
unpack_pinned() {
  unpack_curl "$1" "$2" || return 1
  find "$2" -mindepth 1 -maxdepth 1 ! -name include ! -name lib \
    -exec rm -rf -- {} +
}

# private_apt DIR COMMAND... - apt with its state, lists and cache below DIR,
# and with DIR/sources.list if that file exists.
private_apt() {
  local dir=$1 tool=$2
  shift 2
  mkdir -p -- "$dir"/{lists/partial,cache/archives/partial}
  # apt downloads as a user who may not read root's cache folder; in this
  # private folder root is kept instead. The cleared hooks would change the
  # machine's own lists and cache.
  {
    cat <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
APT::Sandbox::User "$(id -un)";
Acquire::Retries "1";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$dir/cache";
CONF
    [[ ! -f $dir/sources.list ]] || cat <<CONF
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
CONF
  } >"$dir/apt.conf"
  "$tool" -q -c "$dir/apt.conf" "$@"
}

# apt_targets - one line "repository suite component label key" for each
# package index that this machine is set up to use.
apt_targets() {
  local format
  # shellcheck disable=SC2016 # apt fills these in
  format='$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)|$(SIGNED_BY)'
  apt-get indextargets "$@" --format "$format" |
    awk -F '|' '$1 == "Packages" && $2 !~ /^cdrom:/ {
      key = ($6 ~ /^\//) ? $6 : "-"
      print $2 "\t" $3 "\t" $4 "\t" $5 "\t" key
    }'
}

# source_lines WORK - lines for a sources.list, best first: the suites whose
# tree is known, on the mirrors this machine uses for Debian, then every
# suite it is set up with.
source_lines() {
  local work=$1 targets keyring suite
  targets=$(apt_targets)
  if [[ -z $targets ]]; then
    # The package lists of this machine were removed: read them in a private
    # folder.
    private_apt "$work/targets" apt-get update >>"$log" 2>&1 || return 1
    targets=$(apt_targets -o "Dir::State::lists=$work/targets/lists")
  fi
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -r $keyring ]] || keyring=-
  {
    for suite in $(pinned_trees | cut -f 1); do
      awk -F '\t' -v suite="$suite" -v OFS='\t' \
        '$4 == "Debian" { print $1, suite, "main", $4, $5 }' <<<"$targets"
    done
    printf '%s\n' "$targets"
  } | awk -F '\t' -v keyring="$keyring" 'NF == 5 && !seen[$1, $2, $3]++ {
    key = ($5 == "-" && $4 ~ /^Debian/) ? keyring : $5
    option = (key == "-") ? "" : "[signed-by=" key "] "
    print "deb-src " option $1 " " $2 " " $3
  }'
}

# fetch_pinned_tree - brings a pinned tree into the cache, or dies.
fetch_pinned_tree() {
  local work line package reason size
  package=$(pinned_trees | head -n 1 | cut -f 2)
  command -v apt-get >/dev/null ||
    die "libcurl 7.53.1 comes from Debian's source package $package, and" \
      "there is no apt-get here to fetch it with; name another source with" \
      "--source TREE, ARCHIVE or CLONE, or with --version"
  need tar
  lock "sources-$package"
  ! find_pinned_tree || return 0
  log=$cache/logs/source-$package.log
  : >"$log"
  say "fetching libcurl 7.53.1 from Debian's source package $package" \
    "(80 to 90 MB, about 15 s)"
  scratch "source-$package"
  work=$scratch_dir
  while IFS= read -r line; do
    rm -rf -- "${work:?}"/{apt,archive,tree}
    mkdir -- "$work/apt" "$work/archive"
    printf '\n%s\n' "$line" >>"$log"
    printf '%s\n' "$line" >"$work/apt/sources.list"
    size=$(fetch_archive "$work" "$package") || continue
    say "unpacking and checking it ($size)"
    unpack_pinned "$work"/archive/"$package"_*.orig.tar.* "$work/tree" &&
      keep_pinned_tree "$work/tree" && find_pinned_tree && return 0
    echo "E: the tree in it has no pinned hash" >>"$log"
  done < <(source_lines "$work")
  reason=$(grep -m 1 -E '^(E|W): ' "$log" | cut -c 1-240) || true
  die "cannot get Debian's source package $package with apt" \
    "(${reason:-no suite that apt is set up with carries it}); log: $log;" \
    "bring its .orig.tar from elsewhere and pass it with --source"
}

# fetch_archive WORK PACKAGE - the package's original archive, checked by apt
# against the signed index, into WORK/archive; prints how large it is.
fetch_archive() {
  local work=$1 package=$2
  private_apt "$work/apt" apt-get update >>"$log" 2>&1 &&
    (cd "$work/archive" &&
      private_apt "$work/apt" apt-get source --download-only --tar-only \
        "$package" >>"$log" 2>&1) &&
    du -h -- "$work"/archive/* | awk 'NR == 1 { print $1 "B" }'
}
