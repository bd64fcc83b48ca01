# SPDX-License-Identifier: MIT
#
# Makes the kernel's symbol table: reads `nm -n` of the first link, writes assembly
# for the second.  Input lines are "address type name", sorted by address; only
# functions count (types t and T), and one name for each address.

$2 ~ /^[tT]$/ && $3 !~ /^\./ && $1 != last {
    last = $1
    address[n] = $1
    name[n++] = $3
}

BEGIN { n = 0 }

END {
    print "\t.section .symbols.table, \"a\""
    print "\t.balign 4"
    for (i = 0; i < n; i++)
        printf "\t.long 0x%s, name_%d - symbol_names\n", address[i], i
    print "\t.section .symbols.names, \"a\""
    print "\t.globl symbol_names"
    print "symbol_names:"
    for (i = 0; i < n; i++)
        printf "name_%d:\t.asciz \"%s\"\n", i, name[i]
    print "\t.section .note.GNU-stack, \"\", @progbits"
}
