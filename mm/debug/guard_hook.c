// SPDX-License-Identifier: MIT
/* The hook alone, so that a host that guards nothing links nothing else of it. */
#include <guard_hook.h>

const struct guard_hook *guard_hook;
