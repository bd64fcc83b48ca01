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
BUDGET(kmalloc_64, "kmalloc-64", 225)
BUDGET(kmalloc_64_atomic, "kmalloc-64-atomic", 212)
BUDGET(kmalloc_64_variable, "kmalloc-64-variable", 224)
BUDGET(kmalloc_64_variable_atomic, "kmalloc-64-variable-atomic", 211)
BUDGET(kmalloc_4096, "kmalloc-4096", 226)
BUDGET(kzalloc_64, "kzalloc-64", 280)
BUDGET(cache_40, "cache-40", 210)
BUDGET(cache_40_bulk, "cache-40-bulk", 1070)
BUDGET(batch_64_fifo_alloc, "batch-64-fifo-alloc", 203)
BUDGET(batch_64_fifo_free, "batch-64-fifo-free", 196)
BUDGET(batch_64_random_alloc, "batch-64-random-alloc", 205)
BUDGET(batch_64_random_free, "batch-64-random-free", 195)
BUDGET(pages_0, "pages-0", 272)
BUDGET(pages_3, "pages-3", 255)
BUDGET(pages_9, "pages-9", 760)
BUDGET(pages_0_batch_alloc, "pages-0-batch-alloc", 225)
BUDGET(pages_0_batch_free, "pages-0-batch-free", 390)
BUDGET(vmalloc_8192, "vmalloc-8192", 2160)
BUDGET(irq_kmalloc_64, "irq-kmalloc-64", 208)
BUDGET(mix_alloc, "mix-alloc", 130)
BUDGET(mix_free, "mix-free", 115)
