// SPDX-License-Identifier: MIT
/* The hot pairs in an interrupt handler: a real one, of the timer. */
#include "bench.h"

BENCH_PAIR(constant, void *, kmalloc(64, GFP_ATOMIC), kfree(p))
BENCH_PAIR(variable, void *, kmalloc(size, GFP_ATOMIC), kfree(p))
BENCH_PAIR(single_page, struct page *, alloc_pages(GFP_ATOMIC, 0), __free_pages(p, 0))

struct visit {
	const struct bench_row *row;
	uint64_t (*measure)(const struct bench_row *row);
	uint64_t ticks;
};

static void visit(void *arg)
{
	struct visit *v = arg;

	v->ticks = v->measure(v->row);
}

#define IN_INTERRUPT(name)                                               \
	static uint64_t name##_in_interrupt(const struct bench_row *row) \
	{                                                                \
		struct visit v = {row, name, 0};                         \
                                                                         \
		return bench_in_interrupt(visit, &v) ? v.ticks : 0;      \
	}

IN_INTERRUPT(constant)
IN_INTERRUPT(variable)
IN_INTERRUPT(single_page)

static const struct bench_row rows[] = {
	BENCH_ROW("irq-kmalloc-64", "in an interrupt: kmalloc + kfree, 64 B, constant",
		  constant_in_interrupt, 64),
	BENCH_ROW("irq-kmalloc-64-variable",
		  "in an interrupt: kmalloc + kfree, 64 B, not constant", variable_in_interrupt,
		  64),
	BENCH_ROW("irq-pages-0", "in an interrupt: alloc_pages + free, order 0",
		  single_page_in_interrupt, 0),
};

BENCH_WORKLOAD(interrupt);
