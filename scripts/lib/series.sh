# shellcheck shell=bash disable=SC2034 # shares variables with its user
# Which text of a patch series a release of libcurl takes. patches/README.md
# states the rule for people; this is the only place that carries it out.
#
# DIR/series names the causes in order. The text of a cause is the file of
# that name. Beside NAME.patch there may be
#
#   NAME@FIRST-LAST.patch   another text, for the releases FIRST to LAST
#   NAME@FIRST-LAST.none    these releases need no text; the file says why
#
# DIR/groups, where there is one, has a line for each group of the series: the
# first digits of its patches' numbers, the first and the last release that it
# is made for, and its name.

# series_names DIR - the patches that DIR/series names, in order, one a line.
# The format is quilt's: comments and blank lines do not count, and whatever
# follows the name on a line is an option for quilt.
series_names() { sed -E 's/[[:space:]]*#.*//; /^[[:space:]]*$/d; s/^[[:space:]]*//; s/[[:space:]].*//' -- "$1/series"; }

# release_rank VERSION - a number that grows with the release: 75301 of 7.53.1.
release_rank() {
  local IFS=. parts
  read -r -a parts <<<"$1"
  echo $((parts[0] * 10000 + parts[1] * 100 + parts[2]))
}

# within VERSION FIRST LAST
within() {
  local rank
  rank=$(release_rank "$1")
  (($(release_rank "$2") <= rank && rank <= $(release_rank "$3")))
}

# series_files DIR - all that the series in DIR consists of, one a line: series,
# groups where there is one, and each text of each cause.
series_files() (
  cd -- "$1" || exit 1
  printf '%s\n' series
  [[ ! -f groups ]] || printf '%s\n' groups
  series_names . | while IFS= read -r name; do
    printf '%s\n' "$name"
    other_texts . "$name"
  done
)

# What the name of another text ends in.
other_text='@([0-9]+\.[0-9]+\.[0-9]+)-([0-9]+\.[0-9]+\.[0-9]+)\.(patch|none)$'

# other_texts DIR NAME - the files with the other texts of a patch, by name.
other_texts() (
  cd -- "$1" || exit 1
  compgen -G "${2%.patch}@*" | LC_ALL=C sort || true
)

# series_hash DIR - over one line "sha256  name" for each file of the series.
series_hash() (
  mapfile -t names < <(series_files "$1")
  cd -- "$1" && sha256sum -- "${names[@]}" | text_hash
)

# series_groups DIR VERSION - the numbers of the groups made for a release,
# one a line; "" for every patch where DIR has no groups.
series_groups() {
  local group first last
  if [[ ! -f $1/groups ]]; then
    echo
    return
  fi
  while read -r group first last _; do
    [[ -n $group && $group != \#* ]] || continue
    ! within "$2" "$first" "$last" || printf '%s\n' "$group"
  done <"$1/groups"
}

# series_texts DIR VERSION - the file of each cause's text for a release, in
# order, one a line.
series_texts() {
  local name text other groups group chosen
  mapfile -t groups < <(series_groups "$1" "$2")
  while IFS= read -r name; do
    chosen=false
    for group in "${groups[@]}"; do
      [[ $name != "$group"* ]] || chosen=true
    done
    [[ $chosen == true ]] || continue
    text=$name
    while IFS= read -r other; do
      [[ $other =~ $other_text ]]
      ! within "$2" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" || text=$other
    done < <(other_texts "$1" "$name")
    [[ $text == *.none ]] || printf '%s\n' "$text"
  done < <(series_names "$1")
}

# series_range DIR - the releases that the series is made for, for people.
series_range() {
  local group first last least='' most=''
  if [[ ! -f $1/groups ]]; then
    echo "every release"
    return
  fi
  while read -r group first last _; do
    [[ -n $group && $group != \#* ]] || continue
    [[ -n $least ]] && (($(release_rank "$least") <= $(release_rank "$first"))) ||
      least=$first
    [[ -n $most ]] && (($(release_rank "$most") >= $(release_rank "$last"))) ||
      most=$last
  done <"$1/groups"
  echo "$least to $most"
}
