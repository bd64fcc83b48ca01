#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What holds for the tree's files as text: C layout, clean shell scripts, no stray blanks.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/tools/tap.sh

found=$(tests/tools/format 2>&1)
case $? in
2) skip "$found" ;;
*) ok 'C files are laid out as .clang-format says (make format does it)' "$?" "$(head -40 <<< "$found")" ;;
esac

if command -v shellcheck > /dev/null; then
    mapfile -t scripts < <(grep -d skip -lE '^#!/bin/(ba)?sh|shellcheck shell=' .ci/* tests/tools/*)
    found=$(shellcheck -x "${scripts[@]}" 2>&1)
    ok 'shell scripts are free of what shellcheck knows' "$?" "$found"
else
    skip 'no shellcheck here'
fi

if git rev-parse > /dev/null 2>&1; then
    found=$(git grep -nIE '[[:blank:]]+$' -- . ':!*.md' ':!tests/fuzz/corpus' 2>&1)
    [[ $? == 1 ]] # which is "not found"; 0 is found, 128 that it could not look
    ok 'no blanks at the end of a line' "$?" "$found"
else
    skip 'not a git repository'
fi

done_testing
