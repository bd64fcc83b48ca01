// SPDX-License-Identifier: MIT
/* The hook alone, so that a host that injects no faults links nothing else of them. */
#include <fault_hook.h>

fault_hook_fn fault_hook;
