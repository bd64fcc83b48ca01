#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The build makes the same bytes wherever it runs, and rebuilds what it must, and no more.
# All of it in a copy of the tree, at another path.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

readonly elf=$PWD/build/quarry.elf iso=$PWD/build/quarry.iso
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The copy has no history, so it is told the date that make takes from there.
if [[ -z ${SOURCE_DATE_EPOCH:-} ]] && date=$(git log -1 --format=%ct 2> /dev/null); then
    export SOURCE_DATE_EPOCH=$date
fi
unset MAKEFLAGS MAKELEVEL MFLAGS
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$scratch"
cd "$scratch" || exit 1

# builds DESCRIPTION PATTERN MAKE-ARGUMENT... : make says that it does what PATTERN matches.
# builds DESCRIPTION '' ... : it does nothing at all.
builds() {
    local said pattern=$2
    said=$(make "${@:3}" 2>&1) || pattern='(no success)'
    if [[ $pattern ]]; then
        grep -qE -- "$pattern" <<< "$said"
    else
        [[ -z $said ]]
    fi
    ok "$1" "$?" "$said"
}

builds 'a copy of the tree builds' 'ISO +build/quarry.iso' all
cmp "$elf" build/quarry.elf > /dev/null
ok 'the kernel is the same, byte for byte' "$?"
cmp "$iso" build/quarry.iso > /dev/null
ok 'so is the ISO' "$?"
builds 'a second make does nothing' '' all

# A header that few include, and one more directory for other flags: all of the kernel is made only once.
touch mm/internal/late.h
builds 'a changed header rebuilds who includes it' 'CC +mm/debug/report.c' build/kernel/mm/debug/report.c.o
touch mm/internal/late.h
builds 'and not who does not' '' build/kernel/mm/memmap.c.o

readonly object=build/flags-test/kernel/mm/gfp.c.o
make BUILD=build/flags-test "$object" > /dev/null 2>&1
builds 'changed flags rebuild' 'CC +mm/gfp.c' BUILD=build/flags-test "$object" EXTRA_CFLAGS=-DNOTHING
builds 'but only once' '' BUILD=build/flags-test "$object" EXTRA_CFLAGS=-DNOTHING
make all > /dev/null 2>&1

echo 'typedef int nothing_here;' > kernel/stray.c
builds 'a new source is found' 'CC +kernel/stray.c' build/quarry.elf
rm kernel/stray.c
builds 'a removed source is forgotten, and the kernel linked without it' 'LD +build/quarry.elf' build/quarry.elf
cmp "$elf" build/quarry.elf > /dev/null
ok 'after all that it is the same kernel again' "$?"

make clean > /dev/null
[[ ! -e build ]]
ok 'make clean leaves nothing' "$?"
builds 'make help needs no tools' 'make run' help CROSS_COMPILE=absent-

done_testing
