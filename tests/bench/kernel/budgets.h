/* SPDX-License-Identifier: MIT */
/*
 * What the hot paths may cost: guest instructions for each operation, one line a row of the
 * benchmarks.  tests/kernel/budget_test.c holds them, with the compiler that the Makefile
 * prescribes.
 *
 * A row that got faster gets a smaller budget; one that got slower needs a reason in the
 * commit that raises its budget.  A little more than `make bench` prints, so that another
 * version of the compiler does not matter.
 */
BUDGET(kmalloc_64, "kmalloc-64", 37)
BUDGET(kmalloc_64_atomic, "kmalloc-64-atomic", 35)
BUDGET(kmalloc_64_variable, "kmalloc-64-variable", 46)
BUDGET(kmalloc_64_variable_atomic, "kmalloc-64-variable-atomic", 43)
BUDGET(kmalloc_4096, "kmalloc-4096", 37)
BUDGET(kzalloc_64, "kzalloc-64", 54)
BUDGET(cache_40, "cache-40", 44)
BUDGET(cache_40_atomic, "cache-40-atomic", 42)
BUDGET(cache_40_bulk, "cache-40-bulk", 553)
BUDGET(batch_64_fifo_alloc, "batch-64-fifo-alloc", 62)
BUDGET(batch_64_fifo_free, "batch-64-fifo-free", 58)
BUDGET(batch_64_random_alloc, "batch-64-random-alloc", 63)
BUDGET(batch_64_random_free, "batch-64-random-free", 55)
BUDGET(pages_0, "pages-0", 62)
BUDGET(pages_3, "pages-3", 62)
BUDGET(pages_9, "pages-9", 392)
BUDGET(pages_0_batch_alloc, "pages-0-batch-alloc", 143)
BUDGET(pages_0_batch_free, "pages-0-batch-free", 229)
BUDGET(vmalloc_8192, "vmalloc-8192", 728)
BUDGET(irq_kmalloc_64, "irq-kmalloc-64", 35)
BUDGET(mix_alloc, "mix-alloc", 36)
BUDGET(mix_alloc_p999, "mix-alloc-p99.9", 1100)
BUDGET(mix_free, "mix-free", 39)
BUDGET(mix_free_p999, "mix-free-p99.9", 1130)
BUDGET(kzalloc_64_variable, "kzalloc-64-variable", 109)
BUDGET(cache_40_zeroed, "cache-40-zeroed", 100)
