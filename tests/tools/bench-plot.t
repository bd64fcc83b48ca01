#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench-plot draws what is there: whole SVG files with a line for each series that has rows, and
# no chart without.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh
readonly plot=$PWD/tests/tools/bench-plot

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if ! command -v gnuplot > /dev/null; then
    skip 'no gnuplot here'
    done_testing
fi

! "$plot" "$scratch" > /dev/null 2>&1
ok 'refused: nothing to draw' "$?"

row() {
    printf 'bench\t%s\t100\t%s\t%s\n' "$1" "$2" "$2"
}

{ row kmalloc-16-variable 20000; row kmalloc-64-variable 21000; } > "$scratch/kernel.tsv"
said=$("$plot" "$scratch" 2>&1)
is 'one chart has rows, and is drawn' "$said" "$scratch/pair.svg"
[[ $(head -c 5 "$scratch/pair.svg") == '<?xml' ]] && grep -q '^</svg>' "$scratch/pair.svg"
ok 'the picture is a whole SVG file' "$?"
grep -q 'Quarry' "$scratch/pair.svg" && ! grep -q 'Linux' "$scratch/pair.svg"
ok 'what was not measured is not in it' "$?"

{ row kmalloc-64-variable 31000; row mix-alloc 12000; row mix-alloc-p99 50000; } > "$scratch/linux.tsv"
said=$("$plot" "$scratch" 2>&1)
is 'a second file adds its charts' "$said" "$scratch/pair.svg"$'\n'"$scratch/mix-alloc.svg"
grep -q 'Quarry' "$scratch/pair.svg" && grep -q 'Linux' "$scratch/pair.svg"
ok 'and its series to the others, also with a point missing' "$?"

done_testing
