#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The commands of tests/tools/quarry-gdb.py, on a kernel that has booted and run a few tests.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

# debug_exit() is where a kernel that is done ends.
found=$(timeout 120 tests/tools/gdb --mem=1G --cmdline='test=buddy*,vmalloc.pages_are*' -- --batch \
    -ex 'thbreak vfree_for' -ex continue -ex 'echo [window]\n' -ex 'quarry window' \
    -ex 'thbreak debug_exit' -ex continue \
    -ex 'echo [zones]\n' -ex 'quarry zones' -ex 'echo [free]\n' -ex 'quarry free' \
    -ex 'echo [caches]\n' -ex 'quarry caches all' -ex 'echo [page]\n' -ex 'quarry page 0x100' \
    -ex 'echo [address]\n' -ex 'quarry page zones' -ex 'echo [log]\n' -ex 'quarry log' \
    -ex 'echo [end]\n' -ex kill 2>&1)

# section NAME: what was printed between [NAME] and the next one.
section() {
    sed -n "/^\[$1\]\$/,/^\[[a-z]*\]\$/p" <<< "$found" | grep -v '^\[[a-z]*\]$'
}

# has DESCRIPTION SECTION PATTERN
has() {
    local text
    text=$(section "$2")
    grep -qE -- "$3" <<< "$text"
    ok "$1" "$?" "${text:-nothing was printed}"
}

has 'quarry zones shows Normal, up to 896 MiB' zones '^Normal +0x1000000 +0x38000000 +[1-9]'
has 'quarry zones shows High, above' zones '^High +0x38000000 +0x3f.* +[1-9]'
is 'quarry free finds the lists of all three zones as counted' \
    "$(section free | grep -cE '^(DMA|Normal|High) +[1-9][0-9]* pages, as counted$')" 3
has 'quarry free shows the largest blocks' free '^Normal +kernel( +[0-9]+){10} +[1-9]'
has 'quarry caches shows those of kmalloc' caches '^kmalloc-64 +64 +64 '
has 'quarry page tells what a frame is' page '^frame 0x100, physical 0x100000: reserved'
has 'quarry page takes an address' address '^frame 0x1.., physical 0x1.....: reserved'
has 'quarry window shows an area that is about to be freed' window '^0xf8[0-9a-f]+ +5 pages  vmalloc$'
has 'quarry window counts it with its guard' window '^6 of 3[0-9]{4} pages used, 0 stale in 0 areas$'
has 'quarry log shows the verdict' log '^quarry: verdict: '

# The two sides of one number: what gdb reads, and what the kernel printed about itself.
printed=$(section log | sed -nE 's/.*mm: Normal +[0-9a-f]+ - [0-9a-f]+ +[0-9]+ +([0-9]+) .*/\1/p' | head -n 1)
is 'both agree on the pages that Normal manages' \
    "$(section zones | awk '$1 == "Normal" { print $5 }')" "${printed:-nothing in the log}"

((tap_failed == 0)) || printf '%s\n' "$found" | sed 's/^/# gdb: /' >&2
done_testing
