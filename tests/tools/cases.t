#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The cases that tests/README.md names exist; and that checker notices when they do not.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

found=$(tests/tools/cases tests/README.md 2>&1)
ok 'tests/README.md names cases that exist' "$?" "$found"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mkdir "$scratch/tests"
printf 'TEST_SUITE(pots, boils,\n\t   cools);\n' > "$scratch/tests/pots_test.c"

# sees ROWS COMPLAINT: what is said of a document with these rows, "" for nothing.
sees() {
    printf '%s\n' "$1" > "$scratch/doc.md"
    found=$(tests/tools/cases "--tests=$scratch/tests" "$scratch/doc.md" 2>&1)
    is "of: $1" "${found#"$scratch"/}" "$2"
}

# shellcheck disable=SC2016 # backticks as such
{
    sees '| it boils over | `pots.boils`, `pots.cools` |' ''
    sees '| all of it | `pots.*` |' ''
    sees '| it rusts | `pots.boils`, `pots.rusts` |' 'doc.md:1: no case pots.rusts'
    sees '| it burns | `pans.*` |' 'doc.md:1: no suite pans'
    sees '| it boils over | pots.boils |' 'doc.md: no row names a case'
    sees 'See `pots.c`.' 'doc.md: no row names a case'
}

done_testing
