#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What Bochs is told follows from the options, also where there is no Bochs; and the disk with the
# command line holds what GRUB reads, with all that GRUB would take for its own escaped.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

said() {
    tests/tools/bochs "$@" --print
}

is 'memory in megabytes' "$(said --mem=1G | grep '^memory')" 'memory: guest=1024, host=1024'
is 'the processor' "$(said --cpu=p3_katmai | grep -o 'model=[^,]*')" 'model=p3_katmai'
is 'no second disk without a command line' "$(said | grep -c ata0-slave)" 0
is 'one with it' "$(said --cmdline=test=none | grep -c ata0-slave)" 1
tests/tools/bochs --no-such-option > "$scratch/usage" 2>&1
is 'an unknown option is an error' "$?:$(head -c 6 "$scratch/usage")" '4:usage:'

# shellcheck disable=SC2016 # nothing is to be expanded
tests/tools/cmdline-disk 'test=a* x="$y\z"' "$scratch/disk"
# shellcheck disable=SC2016
is 'the command line on its disk' "$(tar -xOf "$scratch/disk" quarry.cfg)" 'set cmdline="test=a* x=\"\$y\\z\""'
done_testing
