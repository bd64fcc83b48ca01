#!/bin/bash
# SPDX-License-Identifier: MIT
#
# deps.sh LEVEL - see that the tools for `make LEVEL` are there; install what is not.
#
# LEVEL is run, test, bench, bochs (test-bochs), display (run, in a window) or all.  When nothing is missing this
# says nothing and takes milliseconds.  On Debian and Ubuntu missing packages are
# installed, after saying which and why; as root directly, else through sudo.
# Elsewhere, or when that fails, it prints what to install and exits with 1.
# DEPS_DRY_RUN=1 stops before installing.
set -u

# What is needed: the levels that need it (all of them need what run needs), how to see that it is there (a
# command, a file, or =function), the Debian package, and the reason.
readonly needs='
run         i686-linux-gnu-gcc       gcc-i686-linux-gnu       compiles the kernel
run         i686-linux-gnu-ld        binutils-i686-linux-gnu  links the kernel
run         qemu-system-i386         qemu-system-x86          the machine that it boots on
run         grub-mkrescue            grub-common              makes the bootable ISO
run         /usr/lib/grub/i386-pc/multiboot.mod     grub-pc-bin         boots it on a BIOS
run         /usr/lib/grub/x86_64-efi/multiboot.mod  grub-efi-amd64-bin  boots it on 64-bit UEFI
run         /usr/lib/grub/i386-efi/multiboot.mod    grub-efi-ia32-bin   boots it on 32-bit UEFI
run         xorriso                  xorriso                  writes the ISO for grub-mkrescue
run         mformat                  mtools                   makes the EFI partition in the ISO
display     =gui                     qemu-system-gui          shows the machine in a window
test,bench  gcc                      gcc                      compiles hosted programs
test,bench  /usr/include/stdio.h     libc6-dev                which use it
test,bench  /usr/i686-linux-gnu/lib/libc.a  libc6-dev-i386-cross  and 32-bit ones
bench       cpio                     cpio                     packs the module for Linux
bench       gnuplot                  gnuplot-nox              draws what benchmarks have measured
test        clang                    clang                    the second compiler of the matrix
test        =clang_runtime           =clang_runtime_package   its address sanitizer
test        =ovmf                    ovmf                     UEFI firmware of the machine
bench       xz                       xz-utils                 unpacks recorded workloads
test,bochs  prove                    perl                     runs the tests
bochs       bochs                    bochs                    a second machine, beside QEMU
bochs       /usr/share/bochs/BIOS-bochs-latest  bochsbios     its BIOS
bochs       /usr/share/bochs/VGABIOS-lgpl-latest  vgabios     its video BIOS
bochs       =bochs_term              bochs-term               its screen, in a terminal
bochs       script                   bsdutils                 a terminal that nobody looks at
test        gdb                      gdb                      the debugger commands are tested
test        =clang_format            =clang_format_package    checks the C layout (version 14 only)
'

have_gui() {
    compgen -G '/usr/lib/*/qemu/ui-*.so' > /dev/null
}

have_bochs_term() {
    compgen -G '/usr/lib/*/bochs/plugins/libbx_term_gui.so' > /dev/null
}

have_ovmf() {
    "$(dirname "$0")/qemu" --find-ovmf > /dev/null
}

# clang answers with a path when it knows the file, else with the bare name.
have_clang_runtime() {
    local name
    for name in "libclang_rt.asan-$(uname -m).a" libclang_rt.asan.a; do
        [[ -e "$(clang --print-file-name="$name" 2> /dev/null)" ]] && return 0
    done
    return 1
}

clang_version() {
    clang --version 2> /dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p'
}

# The run-time libraries have been split from clang's other files, and are named
# with its version; releases before that carry them in libclang-common-*-dev.
clang_runtime_package() {
    local version
    version=$(clang_version)
    if [[ $version ]]; then
        first_available "libclang-rt-$version-dev" "libclang-common-$version-dev" libclang-rt-dev
    else
        first_available libclang-rt-dev clang
    fi
}

# Another version of clang-format lays code out in another way: the check is
# skipped where there is no version 14, so its absence is no error.
have_clang_format() {
    clang_format_14 > /dev/null || [[ -z "$(clang_format_package)" ]]
}

clang_format_14() {
    local command
    for command in clang-format-14 clang-format; do
        if "$command" --version 2> /dev/null | grep -q 'version 14\.'; then
            echo "$command"
            return 0
        fi
    done
    return 1
}

clang_format_package() {
    first_available clang-format-14
}

# The first of the packages that apt can install; nothing when it knows none.
first_available() {
    local package
    for package; do
        if apt-cache policy "$package" 2> /dev/null | grep -q 'Candidate: [^(]'; then
            echo "$package"
            return 0
        fi
    done
}

is_there() {
    case $1 in
    =*) "have_${1#=}" ;;
    /*) [[ -e $1 ]] ;;
    *) command -v "$1" > /dev/null ;;
    esac
}

wanted() {
    local level=$1 of=$2
    [[ $of == run || ,$of, == *,$level,* || $level == all ]]
}

# Fills `packages`, and `lines` for people.
find_missing() {
    local of check package reason
    packages=() lines=()
    while read -r of check package reason; do
        if [[ -z $of ]] || ! wanted "$1" "$of" || is_there "$check"; then
            continue
        fi
        [[ $package == =* ]] && package=$("${package#=}")
        # Not known to apt, or apt's lists are not there yet: named for people at least.
        : "${package:=${check#=}}"
        packages+=("$package")
        lines+=("$(printf '  %-26s %s' "$package" "$reason")")
    done <<< "$needs"
}

apt() {
    local root=()
    if ((EUID != 0)); then
        root=(sudo)
        [[ -t 0 ]] || root=(sudo -n) # nobody there to type a password
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends "$@" \
        < /dev/null >&2
}

# A fresh container has no package lists, an old machine has stale ones.
install() {
    if [[ -z "$(first_available "${packages[0]}")" ]]; then
        apt update || return
        find_missing "$level" # package names depend on what apt knows
    fi
    apt install "${packages[@]}" || { apt update && apt install "${packages[@]}"; }
}

give_up() {
    {
        echo "$1  On Debian and Ubuntu this installs all of it:"
        echo
        echo "  sudo apt-get install ${packages[*]}"
    } >&2
    exit 1
}

level=${1:?usage: deps.sh run|test|bench|bochs|display|all}
if [[ $level == clang-format ]]; then
    clang_format_14 # for the Makefile: the command of the pinned version
    exit
fi

find_missing "$level"
((${#packages[@]} == 0)) && exit 0

{
    echo 'Needed, and not there:'
    printf '%s\n' "${lines[@]}"
} >&2
[[ ${DEPS_DRY_RUN:-} ]] && give_up 'Not installed: DEPS_DRY_RUN is set.'
command -v apt-get > /dev/null || give_up 'There is no apt-get here to install them.'
((EUID == 0)) || command -v sudo > /dev/null || give_up 'Installing them takes root, or sudo.'

echo "Installing: apt-get install ${packages[*]}" >&2
install || give_up 'Installing failed.'
find_missing "$level"
if ((${#packages[@]})); then # the name of clang's library package needs clang's version
    install || give_up 'Installing failed.'
    find_missing "$level"
fi
((${#packages[@]} == 0)) || give_up 'Installed, but these are still not there.'
