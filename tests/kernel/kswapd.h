/* SPDX-License-Identifier: MIT */
/*
 * kswapd takes what caches have to spare whenever it finds time, so that nothing would be exact
 * beside it.  During the tests it is parked, but for those that are about it.
 */
#ifndef TESTS_KERNEL_KSWAPD_H
#define TESTS_KERNEL_KSWAPD_H

/* From here on it works when it is wanted. */
void kswapd_release(void);

/* Wait until it has come to rest; it stays so. */
void kswapd_park(void);

#endif
