#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench-rows takes the rows out of a log, all of them and nothing else, and says when one is
# not right; and it joins files by the names of their rows.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh
readonly rows=tests/tools/bench-rows

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

log() {
    printf '[    0.010017] Quarry 0.1, built by gcc 12.2.0\r\n'
    printf 'bench: guest instructions for each operation\r\n'
    printf '  the loop itself          3.00\r\n'
    printf 'bench\tloop\t1000\t3000\t300\r\n'
    printf 'bench\tbatch-64\t10000\t1975601\t19756\r\n'
    printf 'quarry: verdict: PASS\r\n'
}

log > "$scratch/log"
"$rows" tsv --name=Ours "$scratch/log" > "$scratch/ours.tsv"
is 'a log with rows is taken' "$?" 0
is 'all its rows, and nothing else' "$(grep -v '^#' "$scratch/ours.tsv")" \
    $'bench\tloop\t1000\t3000\t300\nbench\tbatch-64\t10000\t1975601\t19756'
is 'with the compiler' "$(grep '^# compiler' "$scratch/ours.tsv")" $'# compiler\tgcc 12.2.0'
is 'and what a tick is' "$(grep '^# unit' "$scratch/ours.tsv")" $'# unit\tguest instructions'
is 'and the name of the column' "$(grep '^# name' "$scratch/ours.tsv")" $'# name\tOurs'
is 'and the commit' "$(grep -c $'^# commit\t[0-9a-z]' "$scratch/ours.tsv")" 1
"$rows" tsv "$scratch/ours.tsv" | cmp -s - "$scratch/ours.tsv"
ok 'a TSV file is a log, too, and comes out as it went in' "$?"

# refused DESCRIPTION LINE: a log with this line in addition.
refused() {
    { log; printf '%b\n' "$2"; } > "$scratch/bad"
    ! "$rows" tsv "$scratch/bad" > /dev/null 2> "$scratch/said" && [[ -s $scratch/said ]]
    ok "refused: $1" "$?"
}

refused 'a row that is cut off' 'bench\tcache\t1000\t20'
refused 'a row with a word for a number' 'bench\tcache\t1000\tmany\t300'
refused 'a row that does not add up' 'bench\tcache\t1000\t3000\t400'
refused 'a row of no operations' 'bench\tcache\t0\t0\t0'
refused 'a row that comes twice' 'bench\tloop\t1000\t3000\t300'
echo nothing > "$scratch/empty"
! "$rows" tsv "$scratch/empty" > /dev/null 2>&1
ok 'refused: a log with no row' "$?"
! "$rows" tsv "$scratch/log" "$scratch/log" > /dev/null 2>&1
ok 'refused: the same rows in two logs' "$?"

printf '# name\tOther\nbench\tvmalloc\t2\t5\t250\nbench\tloop\t1000\t4000\t400\n' > "$scratch/other.tsv"
is 'a table joins rows by name, in the order in which they first come' \
    "$("$rows" table "$scratch/ours.tsv" "$scratch/other.tsv")" \
    "$(printf '            Ours  Other\nloop        3.00   4.00\nbatch-64  197.56      -\nvmalloc        -   2.50')"
printf '# name\tOther\nbench\tloop\t1\t4\t400\nbench\ttouched-1m\t1\t2\t200\n' > "$scratch/bytes.tsv"
is 'or also by how many times another row of the same file, but for bytes' \
    "$("$rows" table --per=loop "$scratch/bytes.tsv")" \
    "$(printf '                 Other\nloop        4.00 (1.0)\ntouched-1m        2.00')"
printf '# name\tThird\nbench\tloop\t1\t2\t200\n' > "$scratch/third.tsv"
is 'or also the first column over the best of the others' \
    "$("$rows" table --best "$scratch/ours.tsv" "$scratch/bytes.tsv" "$scratch/third.tsv")" \
    "$(printf '              Ours  Other  Third  Ours / best\nloop          3.00   4.00   2.00         1.50\nbatch-64    197.56      -      -            -\ntouched-1m       -   2.00      -            -')"
"$rows" table --per=loop "$scratch/ours.tsv" "$scratch/bytes.tsv" | grep -q '^The row loop took from 3.00 to 4.00: '
ok 'a row that should be the same and is not is pointed out' "$?"
is 'or only some rows' "$("$rows" table --rows='lo?p,x*' "$scratch/ours.tsv")" \
    "$(printf '      Ours\nloop  3.00')"

done_testing
