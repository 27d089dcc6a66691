# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Applies a patch series to a libcurl tree.

# check_series DIR - dies unless DIR has a series and all files that it names.
check_series() {
  local name names other others
  [[ -f $1/series ]] ||
    die "$1 holds no file named series; --patches DIR names another folder"
  names=$(series_names "$1")
  [[ -n $names ]] || die "$1/series names no patch, there is nothing to apply"
  while IFS= read -r name; do
    [[ -f $1/$name ]] || die "$1/series names $name, which is not there"
    other_texts "$1" "$name"
    for other in "${others[@]}"; do
      [[ $other =~ $other_text ]] ||
        die "$1/$other: the name of another text ends in" \
          "@FIRST-LAST.patch or @FIRST-LAST.none, with releases like 7.47.0"
    done
  done <<<"$names"
}

# apply_series DIR TREE NAME... - applies every patch in order. If one does not
# apply exactly (without fuzz), the build stops and names it, and all others
# that do not apply when it is left out.
apply_series() {
  local directory=$1 tree=$2 name output misfits=()
  for name in "${@:3}"; do
    if output=$(patch_exactly "$tree" --dry-run <"$directory/$name" 2>&1); then
      patch_exactly "$tree" <"$directory/$name" >>"$log" 2>&1 ||
        die "patch $name fits $(source_label) and cannot be applied; log: $log"
    else
      printf '%s\n%s\n' "$name" "$output" >>"$log"
      misfits+=("$name: $(failed_hunks <<<"$output")")
    fi
  done
  case ${#misfits[@]} in
    0) ;;
    1) die "patch ${misfits[0]/: / does not apply to $(source_label): };" \
      "the other $(($# - 3)) do; log: $log" ;;
    *) die "${#misfits[@]} of $(($# - 2)) patches do not apply to" \
      "$(source_label), the others do: $(printf '%s; ' "${misfits[@]}")log: $log" ;;
  esac
}

# patch_exactly TREE ARGUMENT... - the patch on standard input.
patch_exactly() {
  local all text
  all=$(cat)
  text=$(awk -v tree="$1/" -f "$root/scripts/lib/concerns.awk" <<<"$all")
  [[ $all != *$'\n'"diff --git "* || $text == *$'\n'"diff --git "* ]] ||
    return 0
  LC_ALL=C patch -d "$1" -p1 --fuzz=0 --forward --batch \
    --no-backup-if-mismatch --reject-file=- "${@:2}" <<<"$text"
}

# failed_hunks - patch(1)'s messages on standard input, as one phrase.
failed_hunks() {
  awk '
    /^(patching|checking) file / { file = $3 }
    /^Hunk #[0-9]+ FAILED/ {
      hunk = $2; line = $5; sub(/\.$/, "", line)
      found = found sep file " hunk " hunk " (line " line ")"; sep = ", "
    }
    /find file to patch/ { missing = "it patches a file that is not there" }
    /malformed patch|Only garbage was found|unexpected end of file/ {
      missing = "it is malformed"
    }
    # patch(1) looks at the first hunk of a file for this.
    /previously applied/ {
      found = found sep file " hunk #1 (looks applied already)"; sep = ", "
    }
    { last = $0 }
    END { print found != "" ? found : missing != "" ? missing : last }'
}
