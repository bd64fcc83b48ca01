#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mm/ keeps the rules of tests/tools/layers; and that checker notices when it does not:
# each rule is broken once in a copy.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

readonly object=build/least/mm.o nm=${CROSS_COMPILE:-i686-linux-gnu-}nm
readonly rules=(sources layers outside conditions undefined exports)

check() {
    tests/tools/layers "$1" "--mm=${2:-mm}" "--object=${3:-$object}" "--nm=$nm" 2>&1
}

for rule in "${rules[@]}"; do
    found=$(check "$rule")
    ok "mm/ keeps the rule \"$rule\"" "$?" "$found"
done

# --- The checker itself --------------------------------------------------------------

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# must_find RULE PATTERN DESCRIPTION: with the copy in $scratch/mm as it now is.
must_find() {
    local found
    if found=$(check "$1" "$scratch/mm" "$scratch/mm.o"); then
        ok "found: $3" 1 'nothing was found'
    else
        grep -q -- "$2" <<< "$found"
        ok "found: $3" "$?" "found instead: $found"
    fi
    fresh_copy
}

fresh_copy() {
    rm -rf "$scratch/mm"
    cp -r mm "$scratch/mm"
    cp "$object" "$scratch/mm.o"
}

# Adds a function to the copy of the combined object.
plant() {
    local compiler=${CROSS_COMPILE:-i686-linux-gnu-}gcc
    echo "$1" | "$compiler" -m32 -ffreestanding -fno-pic -O1 -c -x c -o "$scratch/planted.o" - &&
        "${compiler%gcc}ld" -m elf_i386 -r -o "$scratch/mm.o" "$object" "$scratch/planted.o"
}

fresh_copy
echo > "$scratch/mm/stray.c"
must_find sources 'does not list stray.c' 'a source that sources.mk does not list'

echo 'MM_SOURCES += absent.c' >> "$scratch/mm/sources.mk"
must_find sources 'absent.c, which does not exist' 'a source that is only listed'

echo '#include <mm/kmalloc.h>' >> "$scratch/mm/buddy.c"
must_find layers 'buddy.c:.*higher layer' 'an include of a higher layer'

echo '#include <buddy.h>' >> "$scratch/mm/include/mm/slab.h"
must_find layers 'public header includes a private' 'a private header in a public one'

echo > "$scratch/mm/internal/stray.h"
must_find layers 'stray.h has no place' 'a file without a layer'

echo '#include <stdio.h>' >> "$scratch/mm/buddy.c"
must_find outside 'buddy.c:.*stdio.h' 'an include of the C library'

echo '#include <mm_host.h>' >> "$scratch/mm/buddy.c"
must_find outside 'buddy.c:.*mm_host.h' "the host's header past port.h"

echo '#ifdef __x86_64__' >> "$scratch/mm/zone.c"
must_find conditions 'zone.c:.*#ifdef' 'a condition in a source'

plant 'int printf(const char *, ...); int kfree_loud(void) { return printf("freed"); }'
must_find undefined 'needs printf' 'a call out of the library'

plant 'int mm_host_favour(void); int kfree_helped(void) { return mm_host_favour(); }'
must_find undefined 'needs mm_host_favour' 'a host function that port.h does not declare'

plant 'int surprise(void); int surprise(void) { return 1; }'
must_find exports 'defines surprise' 'a global symbol that exports.txt does not list'

sed -i 's/^kfree$/kfree_not_there/' "$scratch/mm/exports.txt"
must_find exports 'lists kfree_not_there' 'a listed symbol that does not exist'

sed -i '/^kfree$/d; /\[internal\]/a kfree' "$scratch/mm/exports.txt"
must_find exports 'kfree is \[internal\]' 'a public symbol listed as internal'

# --- Headers stand on their own ------------------------------------------------------

# $1: a header.  As the first thing in a file, it must bring along all that it needs.
stands_alone() {
    echo "#include \"$1\"" | "${CROSS_COMPILE:-i686-linux-gnu-}gcc" -m32 -std=gnu11 -ffreestanding -Wall \
        -Werror -fsyntax-only -Imm/include -Imm/internal -Itests/tools/least_host -x c - 2>&1
}

for header in mm/include/mm/*.h mm/internal/*.h; do
    found=$(stands_alone "$PWD/$header")
    ok "$header stands on its own" "$?" "$found"
done

done_testing
