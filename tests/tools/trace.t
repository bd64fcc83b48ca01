#!/bin/bash
# SPDX-License-Identifier: MIT
#
# trace-pack takes what is a recorded workload, and refuses everything else, with the line and the
# reason; what it writes is replayed with each block's contents checked.  The same seed generates
# the same workload.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
readonly programs=build/host

# A workload of every kind of record, to be broken.
good() {
    cat << 'END'
# a comment
H name small
H kernel of no name
H slots 5
H events 10
C 0 inode 408 416 8 R
C 1 task 1300 1344 64 H
G 0 KERNEL - cc0
G 1 ATOMIC ZERO,NOWARN b20
T 0
k 0 100 0 0
a 1 1 1 4
L a phase begins
p 2 1 1 0
P 3 0 0 8
v 4 5000 0 0
M MemFree=1 traced_slab_pages=3 live_req_in_traced_slabs=10000 seq=5
Q 3 0
f 0 1
c 1 0
q 2 0
w 4 0
END
}

# pack: the text on stdin; sets status and said.
pack() {
    "$programs/trace-pack" > "$scratch/trace" 2> "$scratch/said"
    status=$?
    said=$(< "$scratch/said")
}

# refused DESCRIPTION LINE REASON [SED COMMAND]...
refused() {
    local what=$1 line=$2 reason=$3
    shift 3
    pack < <(good | sed "${@/#/-e}")
    is "$what" "$status: $said" "1: trace-pack: line $line: $reason"
    is "$what: nothing is written" "$(wc -c < "$scratch/trace")" 0
}

pack < <(good)
is 'a workload is packed' "$status:$said" '0:'
replayed=$("$programs/gcc64/replay" -c "$scratch/trace" | cut -f 2-)
is 'and replayed' "$(grep -E '^(trace|live)' <<< "$replayed")" $'trace\tsmall\t9\t5\nlive\t1\t1400\t1400'
is 'with the figures of the kernel that recorded it' "$(grep '^recorded' <<< "$replayed")" \
    $'recorded\t12288\t12288\t12288'
"$programs/gcc32/replay" -c "$scratch/trace" > "$scratch/said"
ok 'in 32 bits too' $? "$(< "$scratch/said")"

refused 'a record of no kind' 11 'unknown record: x' '11s/k/x/'
refused 'a word' 11 'no record: kmalloc' '11s/.*/kmalloc/'
refused 'too few fields' 11 '4 fields, where 5 belong' '11s/ 0$//'
refused 'too many fields' 11 '6 fields, where 5 belong' '11s/$/ 0/'
refused 'very many fields' 11 'too many fields' '11s/$/ 0 0 0 0 0/'
refused 'a size that is no number' 11 'the size is no number: 1o0' '11s/100/1o0/'
refused 'a negative size' 11 'the size is no number: -100' '11s/100/-100/'
refused 'a size beyond all' 11 'the size is 99999999; at most 16777215 is possible' '11s/100/99999999/'
refused 'a number of many digits' 11 'the size is no number: 99999999999999999999999' '11s/100/99999999999999999999999/'
refused 'a slot beyond the last' 11 'the slot is 5; at most 4 is possible' '11s/k 0/k 5/'
refused 'flags that were not told' 11 'the flags is 2; at most 1 is possible' '11s/0 0$/2 0/'
refused 'a cache that was not told' 12 'the cache is 2; at most 1 is possible' '12s/a 1 1/a 1 2/'
refused 'a block beyond the largest' 14 'the order is 11; at most 10 is possible' '14s/p 2 1/p 2 11/'
refused 'an area of nothing' 16 'an area of no bytes' '16s/5000/0/'
refused 'a slot that is taken' 12 'slot 0 is taken, by a record k' '12s/a 1/a 0/'
refused 'a slot that is empty' 18 'slot 0 is empty' '11d'
refused 'a free of another kind' 19 'slot 0 holds a record k, which no c frees' '19s/f/c/'
refused 'events before the number of slots' 10 'an event before the number of slots' '4d'
refused 'a second number of slots' 5 'the number of slots for a second time' '5s/events/slots/'
refused 'too many slots' 4 'the number of slots is 99999999; at most 16777216 is possible' '4s/5/99999999/'
refused 'a cache out of order' 6 'cache 3, where 0 is next' '6s/C 0/C 3/'
refused 'a cache of nothing' 6 'a cache of 0 bytes, aligned to 8' '6s/408/0/'
refused 'a crooked alignment' 6 'a cache of 408 bytes, aligned to 12' '6s/ 8 R/ 12 R/'
refused 'an unknown flag of a cache' 6 'unknown flag of a cache: X' '6s/R$/X/'
refused 'an unknown class' 8 'unknown class of flags: KERNAL' '8s/KERNEL/KERNAL/'
refused 'an unknown modifier' 9 'unknown modifier of flags: ZER' '9s/ZERO/ZER/'
refused 'an early end' 21 'it ends after 9 of 10 events' '22d'
refused 'no events' 10 'no events in it' '11,22d'

pack < <(good | head -c -1)
is 'an end in the middle of a line' "$status: $said" '1: trace-pack: line 22: it ends in the middle of a line'
pack < <(good | sed '11s/100/\x00/')
is 'a byte of zero' "$status: $said" '1: trace-pack: line 11: a byte of zero'
pack < /dev/null
is 'an empty file' "$status: $said" '1: trace-pack: line 0: no events in it'
pack < <(head -c 100000 build/host/trace-pack)
ok 'a program is no workload' "$((status == 0))" "$said"

good | "$programs/trace-pack" > "$scratch/trace"
head -c -8 "$scratch/trace" > "$scratch/short"
said=$("$programs/gcc64/replay" "$scratch/short" 2>&1)
is 'a packed one that is cut off' "$?: $said" "2: replay: $scratch/short: it ends early"
said=$("$programs/gcc64/replay" /dev/null 2>&1)
is 'no file at all' "$?: $said" '2: replay: /dev/null: it is empty'
said=$("$programs/gcc64/replay" "$scratch/none" 2>&1)
is 'a file that is not there' "$?: $said" "2: replay: $scratch/none: No such file or directory"

"$programs/trace-generate" 7 3000 > "$scratch/seven"
"$programs/trace-generate" 7 3000 > "$scratch/again"
"$programs/trace-generate" 8 3000 > "$scratch/eight"
cmp -s "$scratch/seven" "$scratch/again"
ok 'the same seed generates the same workload' $?
cmp -s "$scratch/seven" "$scratch/eight"
ok 'and another one another' "$(($? != 1))"
"$programs/trace-pack" < "$scratch/eight" > "$scratch/trace" && "$programs/gcc32/replay" -c "$scratch/trace" > "$scratch/one" &&
    "$programs/gcc32/replay" -c "$scratch/trace" > "$scratch/two" && cmp "$scratch/one" "$scratch/two"
ok 'which runs, with the same figures each time' $?
done_testing
