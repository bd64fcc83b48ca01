# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# TAP for the tests written in bash: source this, call `ok` for each, end with done_testing.

tap_count=0 tap_failed=0

# ok DESCRIPTION STATUS [DETAILS]: passed if STATUS is 0; else DETAILS go to stderr, where
# prove lets people see them.
ok() {
    tap_count=$((tap_count + 1))
    if [[ $2 == 0 ]]; then
        echo "ok $tap_count - $1"
        return
    fi
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    { echo "# $1"; [[ -z ${3:-} ]] || printf '%s\n' "$3" | sed 's/^/#   /'; } >&2
}

# is DESCRIPTION FOUND EXPECTED
is() {
    [[ $2 == "$3" ]]
    ok "$1" "$?" "found: $2"$'\n'"expected: $3"
}

skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count # SKIP $1"
}

done_testing() {
    echo "1..$tap_count"
    exit "$((tap_failed > 0))"
}
