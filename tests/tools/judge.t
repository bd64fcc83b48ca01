#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The judge passes a good log, and no other: each way in which a log can lie.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh
shopt -s lastpipe # so that `good_log | judged` can set variables

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# judged [OPTION]... : the log on stdin.  Sets `status`, `said` and `cause`.
judged() {
    cat > "$scratch/log"
    said=$(tests/tools/judge "$@" "$scratch/log" 2> "$scratch/stderr")
    status=$?
    cause=$(sed -n 's/^# verdict: //p' <<< "$said")
}

# The log of a boot where all is well: two suites, three cases, one of them skipped.
good_log() {
    cat << 'END'
Quarry boots
quarry: zone DMA ...
KTAP version 1
1..2
    KTAP version 1
    # Subtest: buddy
    1..2
    ok 1 - split
    ok 2 - merge
ok 1 - buddy
    KTAP version 1
    # Subtest: highmem
    1..1
    ok 1 - round_trip # SKIP no High zone
ok 2 - highmem
quarry: verdict: PASS
END
}

# must_fail DESCRIPTION CAUSE LINE-OF-TAP: the last judgement was this one.
must_fail() {
    is "$1: failed" "$status" 1
    is "$1: the cause" "$cause" "$2"
    grep -q -- "^not ok [0-9]* - $3" <<< "$said"
    ok "$1: says what is wrong" "$?" "$said"
}

good_log | judged --ended=pass
is 'a good log passes' "$status" 0
is 'every case becomes one test, and so do five checks of the run' "$(grep -c '^ok' <<< "$said")" 8
grep -q '^ok 2 - buddy.merge$' <<< "$said"
ok 'a case is named after its suite' "$?" "$said"
grep -q '^ok 3 - highmem.round_trip # SKIP no High zone$' <<< "$said"
ok 'a skipped case stays skipped' "$?" "$said"

good_log | sed 's/$/\r/' | judged --ended=pass
is 'a serial line ends its lines with CR LF' "$status" 0

good_log | sed 's/^    /  /' | judged --ended=pass
is 'two blanks of indentation do as well' "$status" 0

good_log | sed '/verdict/d' | judged --program --ended=exit=0
is 'a program has no verdict line' "$status" 0

# --- How it ended --------------------------------------------------------------------

good_log | judged --ended=panic
must_fail 'a panic after good results' panic 'the machine ends'
good_log | judged --ended=timeout
must_fail 'a hang after good results' time-out 'the machine ends'
good_log | judged --ended=reset
must_fail 'a reset after good results' 'triple fault' 'the machine ends'
good_log | judged --ended=error
must_fail 'QEMU fails' 'machine failed' 'the machine ends'
good_log | judged --ended=fail
must_fail 'the status says failed, the log does not' 'test failed' 'the machine ends'
good_log | judged --ended=nonsense
must_fail 'an end nobody knows' 'machine failed' 'the machine ends'
good_log | judged
must_fail 'nobody says how it ended' 'machine failed' 'the machine ends'
good_log | judged --program --ended=exit=139
must_fail 'a program dies after good results' 'machine failed' 'the program ends'

# --- What the log says ---------------------------------------------------------------

good_log | sed '/verdict/d' | judged --ended=pass
must_fail 'no end marker' 'log damaged' 'the log ends with the verdict'
good_log | sed 's/PASS/FAIL/' | judged --ended=pass
must_fail 'the marker says FAIL, the status that all is well' 'log damaged' 'the log ends with'
good_log | sed 's/ok 2 - merge/not &/; s/^ok 1 - buddy/not &/' | judged --ended=pass
must_fail 'a failed case, with a status that all is well' 'test failed' 'buddy.merge'
good_log | sed 's/ok 2 - merge/not &/' | judged --ended=pass
must_fail 'a failed case in a suite that passed' 'test failed' 'plans and results agree'
good_log | sed 's/^ok 1 - buddy/not &/' | judged --ended=pass
must_fail 'a failed suite without a failed case' 'log damaged' 'plans and results agree'
good_log | sed 's/ok 2 - merge/not & # TODO later/; s/^ok 1 - buddy/not &/' | judged --ended=pass
must_fail 'TODO excuses nothing' 'test failed' 'buddy.merge'
good_log | sed '/ok 2 - merge/d' | judged --ended=pass
must_fail 'a case is missing' 'log damaged' 'plans and results agree'
good_log | sed '/ok 2 - highmem/d' | judged --ended=pass
must_fail 'a suite is missing' 'log damaged' 'plans and results agree'
good_log | sed '/^1\.\.2/d' | judged --ended=pass
must_fail 'no plan' 'log damaged' 'plans and results agree'
good_log | sed 's/ok 2 - merge/ok 3 - merge/' | judged --ended=pass
must_fail 'a number is left out' 'log damaged' 'plans and results agree'
good_log | sed 's/ok 1 - split/&\n    ok 1 - split/' | judged --ended=pass
must_fail 'a result comes twice' 'log damaged' 'plans and results agree'
good_log | sed '/ok 1 - split/,$d' | judged --ended=pass
must_fail 'the log is cut off' 'log damaged' 'plans and results agree'
printf '' | judged --ended=pass
must_fail 'an empty log' 'log damaged' 'something ran'
good_log | grep -v 'ok\|1\.\.' | judged --ended=pass
must_fail 'a log without results' 'log damaged' 'something ran'
good_log | sed 's/\(ok [12] - [sm].*\)$/\1 # SKIP not here/' | judged --ended=pass
must_fail 'everything is skipped' 'log damaged' 'something ran'

good_log | sed 's/^Quarry boots/&\n[    0.012345] mm: double free: 0xc0123456/' | judged --ended=pass
must_fail 'a report before the tests' 'log damaged' 'no report outside'
good_log | sed 's/^quarry: verdict/mm: corruption: it is all wrong\n&/' | judged --ended=pass
must_fail 'a report after the tests' 'log damaged' 'no report outside'
good_log | sed 's/ *ok 2 - merge/mm: bad order: 11\n&/' | judged --ended=pass
is 'a report inside a suite is the business of its cases' "$status" 0
good_log | sed '/ok 2 - merge/,$d' | { cat; echo 'Bail out! page fault'; } | judged --ended=panic
must_fail 'the tests are given up' panic 'plans and results agree'

# The judge must know the name of every kind of report.
# shellcheck disable=SC2016 # it is Perl
known=$(perl -ne 'print "$1\n" while /\x27([a-z ]+)\x27/g; exit if /;$/' <(sed -n '/^my \$report = /,/;/p' tests/tools/judge))
is 'the judge knows all kinds of reports' "$(sort <<< "$known")" \
    "$(sed -n 's/^\t\[MM_REPORT_.*\] = "\(.*\)",/\1/p' mm/debug/report.c | sort)"

done_testing
