/* SPDX-License-Identifier: MIT */
/* Who we are.  The build may say more exactly: -DQUARRY_VERSION='"..."'. */
#ifndef KERNEL_VERSION_H
#define KERNEL_VERSION_H

#ifndef QUARRY_VERSION
#define QUARRY_VERSION "0.1"
#endif

#ifdef __clang__
#define QUARRY_COMPILER __VERSION__
#else
#define QUARRY_COMPILER "gcc " __VERSION__
#endif

#endif
