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

# set_rank VERSION - sets rank to a number that grows with the release: 75301 for
# 7.53.1. To fork for each text of a series would take seconds.
set_rank() {
  local IFS=. parts
  read -r -a parts <<<"$1"
  rank=$((parts[0] * 10000 + parts[1] * 100 + parts[2]))
}

# release_rank VERSION - prints it.
release_rank() {
  local rank
  set_rank "$1"
  echo "$rank"
}

# within VERSION FIRST LAST
within() {
  local rank version
  set_rank "$1"
  version=$rank
  set_rank "$2"
  ((rank <= version)) || return 1
  set_rank "$3"
  ((version <= rank))
}

# older VERSION THAN
older() {
  local rank version
  set_rank "$1"
  version=$rank
  set_rank "$2"
  ((version < rank))
}

# series_files DIR - all that the series in DIR consists of, one a line: series,
# groups where there is one, and each text of each cause.
series_files() (
  cd -- "$1" || exit 1
  printf '%s\n' series
  [[ ! -f groups ]] || printf '%s\n' groups
  series_names . | while IFS= read -r name; do
    other_texts . "$name"
    printf '%s\n' "$name" "${others[@]}"
  done
)

# What the name of another text ends in.
other_text='@([0-9]+\.[0-9]+\.[0-9]+)-([0-9]+\.[0-9]+\.[0-9]+)\.(patch|none)$'

# other_texts DIR NAME - sets others to the files with the other texts of a
# patch, by name.
other_texts() {
  local LC_ALL=C
  others=("$1/${2%.patch}@"*)
  [[ -e ${others[0]} ]] || others=()
  others=("${others[@]##*/}")
}

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
  local name text other others groups group chosen
  mapfile -t groups < <(series_groups "$1" "$2")
  while IFS= read -r name; do
    chosen=false
    for group in "${groups[@]}"; do
      [[ $name != "$group"* ]] || chosen=true
    done
    [[ $chosen == true ]] || continue
    text=$name
    other_texts "$1" "$name"
    for other in "${others[@]}"; do
      [[ $other =~ $other_text ]]
      ! within "$2" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" || text=$other
    done
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
    [[ -n $least ]] && ! older "$first" "$least" || least=$first
    [[ -n $most ]] && ! older "$most" "$last" || most=$last
  done <"$1/groups"
  echo "$least to $most"
}
