#!/usr/bin/env bash
# Plants each bug of tests/planted in a copy of the tree, and demands that the tests which it names go red.
#
#   tests/planted.sh            all of them
#   tests/planted.sh NAME ...   those: ack-before-commit, no-fence ...
#
# The copy and what is built of it are kept beside the build, so that each bug costs one incremental build.
set -uo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
# At the size of every run.
unset REEVE_FULL
place=${CARGO_TARGET_DIR:-target}
mkdir -p "$place/planted/tree"
place=$(cd "$place" && pwd)/planted
tree=$place/tree

# Every file of the tree as it stands; one that has not changed keeps its time, so that nothing is built again for it.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ -f "$file" ] || continue
  cmp -s "$file" "$tree/$file" && continue
  mkdir -p "$tree/$(dirname "$file")" && cp "$file" "$tree/$file"
done

names=("$@")
[ $# -gt 0 ] || for patch in tests/planted/*.patch; do names+=("$(basename "$patch" .patch)"); done

caught=0
for name in "${names[@]}"; do
  patch=$PWD/tests/planted/$name.patch
  log=$place/$name.log
  tests=$(sed -n 's/^tests: //p' "$patch")
  file=$(sed -n 's|^+++ b/||p' "$patch")
  began=$SECONDS
  if ! (cd "$tree" && patch --quiet -p1 <"$patch") >"$log" 2>&1; then
    verdict="NOT PLANTED: its text has changed"
  elif ! (cd "$tree" && CARGO_TARGET_DIR=$place/target "$cargo" nextest run --locked --test it --no-run) >>"$log" 2>&1; then
    verdict="NOT BUILT"
  elif (cd "$tree" && CARGO_TARGET_DIR=$place/target "$cargo" nextest run --locked --test it -E "$tests") >>"$log" 2>&1; then
    verdict="NOT SEEN"
  elif grep -q '^ *FAIL \|^ *TIMEOUT ' "$log"; then
    verdict=caught
    caught=$((caught + 1))
  else
    verdict="NO VERDICT"
  fi
  cp "$file" "$tree/$file"
  printf '%-18s %-34s %4ss  %s\n' "$name" "$verdict" $((SECONDS - began)) "$(head -1 "$patch")"
  [ "$verdict" = caught ] || echo "                   see $log"
done
echo "C15: caught $caught of ${#names[@]}"
[ "$caught" = "${#names[@]}" ]
