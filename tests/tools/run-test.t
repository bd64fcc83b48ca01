#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The command that a failed boot prints starts the same machine: for boots that differ in each column
# and each option of tests/tools/boots.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

unset MAKEFLAGS MAKELEVEL MFLAGS

# What is in a place of its own each time: the log, and the disk with the command line.
same_places() {
    sed -E 's,logfile=[^ \\]*,logfile=LOG,; s,file=[^ ]*/cmdline\.tar,file=DISK,'
}

# How `make run ...` would call QEMU.
called_by() {
    local call
    call=$(eval "make -n ${1#make }" | grep '^tests/tools/qemu ') && eval "$call --print"
}

for name in kernel iso uefi-q35 noexit clang kernel-64G pentium3 trace smp-4 smp-locks turns-seed turns-storm-seed \
    nmi-seed-3 pressure broken-overflow-4; do
    mapfile -t said < <(tests/tools/run-test --print "boot/$name")
    is "boot/$name is repeated as it ran" "$(called_by "${said[1]:-}" | same_places)" \
        "$(same_places <<< "${said[0]:-a call of QEMU}")"
done

done_testing
