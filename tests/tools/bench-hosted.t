#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The workloads run as a program, beside the C library: one round, which says nothing about
# speed, but that all of it works.  And the packages of others are asked for in a way that says
# what is missing.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh
readonly bench=$PWD/build/bench/hosted64/bench

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

said=$("$bench" --rounds=1 "$scratch" 2>&1)
ok 'a round runs to its end' "$?" "$said"
for allocator in quarry glibc; do
    tests/tools/bench-rows tsv "$scratch/$allocator.log" > "$scratch/$allocator.tsv" 2> "$scratch/said"
    ok "the rows of $allocator are whole" "$?" "$(cat "$scratch/said")"
    for row in loop kmalloc-64-variable batch-64-random-free mix-both mix-free-p99.9 touched-1m; do
        grep -q "^bench"$'\t'"$row"$'\t' "$scratch/$allocator.tsv"
        ok "one of them is $row" "$?"
    done
done
[[ -e $scratch/jemalloc.log ]]
is 'who is not there has no rows' "$?" 1

! "$bench" --rounds=1 "$scratch" jemalloc=/nowhere.so > /dev/null 2>&1
ok 'refused: a library that is not there' "$?"
! "$bench" --rounds=1 "$scratch" other=libc.so.6 > /dev/null 2>&1
ok 'refused: an allocator that nobody knows' "$?"

said=$(PATH=$scratch /bin/bash tests/tools/fetch-debs "$scratch/debian" i386 libjemalloc2 2>&1)
is 'no apt: an error' "$?" 1
grep -q 'libjemalloc2' <<< "$said"
ok 'which names the packages' "$?" "$said"

done_testing
