// SPDX-License-Identifier: MIT
/*
 * Processes in ring 3, each by its exact effect: what they may do works, what they may not
 * do ends them alone, and says where.  What becomes of their memory is user_memory_test.c's.
 */
#include "jitter.h"
#include "user_programs.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/image.h>
#include <kernel/layout.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <unit/live.h>

/* --- what a process may do ------------------------------------------------------------------ */

TEST(runs_in_ring_3)
{
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	test_log_begin();
	end = run_worker(JOB_CHECK, 0);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.status, 0);
	EXPECT_LOG("(worker) writes: constants, too");
	EXPECT(irqs_enabled());
	EXPECT_EQ(cpu_irq_depth(), 0);
	EXPECT(process_current() == NULL);
}

TEST(status_comes_back)
{
	static const int statuses[] = {0, 1, -1, 0x7fffffff, -0x7fffffff};

	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct process_end end = run_worker(JOB_STATUS, (uint32_t)statuses[i]);

		EXPECT_EQ(end.fate, PROCESS_EXITED);
		EXPECT_EQ(end.status, statuses[i]);
	}
}

/* Memory a gigabyte apart: in another page directory, which comes while the process runs. */
TEST(far_away_memory)
{
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	end = run_worker(JOB_FAR, 0);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.status, 0);
	EXPECT_EQ(end.pages, 5); /* text, data, stack, two of the heap */
}

TEST(bad_images_are_refused)
{
	const struct program worker = program_worker();
	static const struct {
		uint32_t offset, value;
	} damages[] = {
		{offsetof(struct program_header, magic), 0},
		{offsetof(struct program_header, entry), 0},
		{offsetof(struct program_header, entry), USER_START},
		{offsetof(struct program_header, entry), KERNEL_BASE},
		{offsetof(struct program_header, text_end), USER_START + 100},
		{offsetof(struct program_header, text_end), USER_HEAP_END},
		{offsetof(struct program_header, data_end), USER_START},
		{offsetof(struct program_header, end), USER_START},
		{offsetof(struct program_header, end), KERNEL_BASE + PAGE_BYTES},
		{offsetof(struct program_header, end), 0xfffff001},
	};
	char *image = kmalloc(worker.size, GFP_KERNEL);
	struct program program = {"damaged", image, worker.size};

	ASSERT(image);
	for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		memcpy(image, worker.image, worker.size);
		memcpy(image + damages[i].offset, &damages[i].value, sizeof(uint32_t));
		EXPECTF(!process_create(&program, 0, 0), "damage %u is accepted", i);
	}
	memcpy(image, worker.image, worker.size);
	program.size--;
	EXPECT(!process_create(&program, 0, 0));
	program.size = 3;
	EXPECT(!process_create(&program, 0, 0));
	kfree(image);
}

/* --- what it may not ------------------------------------------------------------------------ */

/* It died of this exception, with this error code, and the kernel knows where. */
static void expect_death(const struct process_end *end, const char *what, unsigned vector,
			 uint32_t error)
{
	EXPECTF(end->fate == PROCESS_FAULTED && end->vector == vector && end->error == error,
		"%s: fate %u, vector %u, error %x, status %d; expected vector %u, error %x",
		what, end->fate, end->vector, end->error, end->status, vector, error);
	EXPECTF(end->eip >= USER_START && end->eip < USER_START + PAGE_BYTES,
		"%s: eip %x is not in its text", what, end->eip);
	EXPECT(irqs_enabled());
}

/* A page fault at `address` by this access; the line in the log says so. */
static void expect_page_fault(enum offence offence, uintptr_t address, uint32_t error,
			      const char *words)
{
	struct process_end end;
	char line[80];

	test_log_begin();
	end = offend(offence, address);
	expect_death(&end, words, VECTOR_PAGE_FAULT, error | FAULT_USER);
	EXPECT_EQ(end.address, address);
	mm_snprintf(line, sizeof(line), "page fault at 0x%08zx: %s; eip 0x%08x",
		    (size_t)address, words, end.eip);
	EXPECT_LOG(line);
}

TEST(kernel_memory_is_out_of_reach)
{
	const uint32_t there = FAULT_PROTECTION;
	uint8_t *small, *pages, before;

	allow_kept_pages(PROCESS_KEEPS);
	small = kmalloc(64, GFP_KERNEL);
	pages = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);
	ASSERT(small && pages);
	before = *(uint8_t *)kmalloc;
	memset(small, 0x5a, 64);
	memset(pages, 0xa5, 3 * PAGE_SIZE);
	expect_page_fault(OFFENCE_READ, (uintptr_t)small, there, "kernel memory, read");
	expect_page_fault(OFFENCE_WRITE, (uintptr_t)small + 63, there | FAULT_WRITE,
			  "kernel memory, write");
	expect_page_fault(OFFENCE_READ, (uintptr_t)pages + PAGE_SIZE, there,
			  "kernel memory, read");
	expect_page_fault(OFFENCE_WRITE, (uintptr_t)pages, there | FAULT_WRITE,
			  "kernel memory, write");
	expect_page_fault(OFFENCE_READ, (uintptr_t)text_start, there, "kernel memory, read");
	expect_page_fault(OFFENCE_WRITE, (uintptr_t)kmalloc, there | FAULT_WRITE,
			  "kernel memory, write");
	expect_page_fault(OFFENCE_READ, (uintptr_t)boot_stack, there, "kernel memory, read");
	expect_page_fault(OFFENCE_READ, KERNEL_BASE, there, "kernel memory, read");
	expect_page_fault(OFFENCE_READ, 0xffffffff, 0, "kernel memory, read");
	EXPECT_EQ(*(uint8_t *)kmalloc, before);
	EXPECT(live_all_bytes(small, 64, 0x5a) && live_all_bytes(pages, 3 * PAGE_SIZE, 0xa5));
	kfree(small);
	kfree(pages);
}

/* Jumps there: the fault is that of the fetch. */
TEST(kernel_code_is_out_of_reach)
{
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	end = offend(OFFENCE_CALL, (uintptr_t)kmalloc);
	EXPECT_EQ(end.fate, PROCESS_FAULTED);
	EXPECT_EQ(end.vector, VECTOR_PAGE_FAULT);
	EXPECT_EQ(end.error,
		  FAULT_USER | FAULT_PROTECTION | (cpu_features.nx ? FAULT_FETCH : 0));
	EXPECT_EQ(end.address, (uintptr_t)kmalloc);
	EXPECT_EQ(end.eip, (uintptr_t)kmalloc);
}

/* kmalloc() memory in the window is the kernel's, although its pages are of the High zone. */
TEST(window_is_out_of_reach)
{
	char *p;

	allow_kept_pages(PROCESS_KEEPS + 2); /* page tables of the window, too */
	p = kmalloc(2 * PAGE_SIZE, GFP_HIGHUSER);
	ASSERT(p);
	memset(p, 0, 2 * PAGE_SIZE);
	expect_page_fault(OFFENCE_READ, (uintptr_t)p, FAULT_PROTECTION, "kernel memory, read");
	expect_page_fault(OFFENCE_WRITE, (uintptr_t)p + PAGE_SIZE,
			  FAULT_PROTECTION | FAULT_WRITE, "kernel memory, write");
	EXPECT(live_all_bytes(p, 2 * PAGE_SIZE, 0));
	kfree(p);
}

TEST(nothing_is_at_null)
{
	static const uintptr_t addresses[] = {0, 16, PAGE_BYTES - 1};

	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		expect_page_fault(OFFENCE_READ, addresses[i], 0,
				  "nothing there (NULL pointer?), read");
		expect_page_fault(OFFENCE_WRITE, addresses[i], FAULT_WRITE,
				  "nothing there (NULL pointer?), write");
	}
}

TEST(nothing_is_outside_of_areas)
{
	static const uintptr_t addresses[] = {
		PAGE_BYTES,     USER_START - 1,
		USER_HEAP_END,  USER_STACK_TOP - USER_STACK_BYTES - 1,
		USER_STACK_TOP, USER_END - 1};

	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		expect_page_fault(OFFENCE_WRITE, addresses[i], FAULT_WRITE,
				  "nothing there, write");
}

TEST(text_is_read_only)
{
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	test_log_begin();
	end = offend(OFFENCE_WRITE_TEXT, 0);
	expect_death(&end, "text", VECTOR_PAGE_FAULT,
		     FAULT_USER | FAULT_PROTECTION | FAULT_WRITE);
	EXPECT(end.address >= USER_START && end.address < USER_START + PAGE_BYTES);
	EXPECT_LOG(": read-only memory, write; ");
}

TEST(data_cannot_be_executed)
{
	static const enum offence offences[] = {OFFENCE_RUN_DATA, OFFENCE_RUN_STACK};

	if (!cpu_features.nx)
		SKIP("this CPU has no no-execute bit");
	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < 2; i++) {
		struct process_end end;

		test_log_begin();
		end = offend(offences[i], 0);
		EXPECT_EQ(end.fate, PROCESS_FAULTED);
		EXPECT_EQ(end.vector, VECTOR_PAGE_FAULT);
		EXPECT_EQ(end.error, FAULT_USER | FAULT_PROTECTION | FAULT_FETCH);
		EXPECT_EQ(end.address, end.eip);
		EXPECT_LOG(": data, execute; ");
	}
}

TEST(stack_has_an_end)
{
	const uintptr_t bottom = USER_STACK_TOP - USER_STACK_BYTES;
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	end = offend(OFFENCE_OVERFLOW, 0);
	expect_death(&end, "recursion", VECTOR_PAGE_FAULT, FAULT_USER | FAULT_WRITE);
	EXPECT(end.address < bottom && end.address >= bottom - PAGE_BYTES);
	EXPECT_EQ(end.pages, USER_STACK_BYTES / PAGE_BYTES + 2); /* and text and data */
}

/* What belongs to ring 0, and what the processor itself cannot do. */
TEST(other_exceptions)
{
	static const struct {
		enum offence offence;
		const char *name;
		unsigned vector;
		uint32_t error;
	} cases[] = {
		{OFFENCE_HALT, "hlt", VECTOR_PROTECTION, 0},
		{OFFENCE_DISABLE_IRQS, "cli", VECTOR_PROTECTION, 0},
		{OFFENCE_OUT, "out", VECTOR_PROTECTION, 0},
		{OFFENCE_LOAD_CR3, "mov cr3", VECTOR_PROTECTION, 0},
		{OFFENCE_LOAD_SEGMENT, "mov es", VECTOR_PROTECTION, SELECTOR_DATA},
		{OFFENCE_LOAD_LOCAL, "mov es, local", VECTOR_PROTECTION, 4},
		{OFFENCE_INTERRUPT, "int 32", VECTOR_PROTECTION, IRQ_VECTOR * 8 + 2},
		{OFFENCE_TASK_GATE, "int 8", VECTOR_PROTECTION, VECTOR_DOUBLE_FAULT * 8 + 2},
		{OFFENCE_BEYOND_IDT, "int 255", VECTOR_PROTECTION, 255 * 8 + 2},
		{OFFENCE_TASK_RETURN, "iret to a task", VECTOR_INVALID_TSS, 0},
		{OFFENCE_SYSENTER, "sysenter", VECTOR_PROTECTION, 0},
		{OFFENCE_INT3, "int3", VECTOR_PROTECTION, VECTOR_BREAKPOINT * 8 + 2},
		{OFFENCE_UNDEFINED, "ud2", VECTOR_INVALID_CODE, 0},
		{OFFENCE_DIVIDE, "div", VECTOR_DIVIDE, 0},
		{OFFENCE_FPU, "fninit", VECTOR_NO_FPU, 0},
		{OFFENCE_SSE, "xorps", VECTOR_INVALID_CODE, 0},
		{OFFENCE_TRAP_FLAG, "single step", VECTOR_DEBUG, 0},
	};

	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct process_end end;
		char line[80];

		test_log_begin();
		end = offend(cases[i].offence, 0);
		expect_death(&end, cases[i].name, cases[i].vector, cases[i].error);
		mm_snprintf(line, sizeof(line), "exception %u: %s (error %x); eip 0x%08x",
			    cases[i].vector, trap_name(cases[i].vector), cases[i].error,
			    end.eip);
		EXPECT_LOG(line);
	}
}

static void expect_bad_pointer(enum offence offence, uintptr_t address)
{
	struct process_end end;
	char line[80];

	test_log_begin();
	end = offend(offence, address);
	expect_death(&end, "system call", VECTOR_SYSCALL, 0);
	EXPECT_EQ(end.address, address);
	mm_snprintf(line, sizeof(line), "bad pointer 0x%08zx", (size_t)address);
	EXPECT_LOG(line);
}

TEST(bad_pointers_in_system_calls)
{
	uint8_t *memory;

	allow_kept_pages(PROCESS_KEEPS);
	memory = kmalloc(64, GFP_KERNEL);
	ASSERT(memory);
	memset(memory, 'x', 64);
	expect_bad_pointer(OFFENCE_WRITE_CALL, (uintptr_t)memory);
	expect_bad_pointer(OFFENCE_WRITE_CALL, 0);
	expect_bad_pointer(OFFENCE_WRITE_CALL, 0xffffffff);
	expect_bad_pointer(OFFENCE_WRITE_CALL, USER_END - 8);
	expect_bad_pointer(OFFENCE_WRITE_CALL, USER_START - 8);
	expect_bad_pointer(OFFENCE_WRITE_CALL, USER_STACK_TOP - 8); /* half of it there */
	expect_bad_pointer(OFFENCE_TIME_CALL, (uintptr_t)memory);
	expect_bad_pointer(OFFENCE_TIME_CALL, (uintptr_t)kmalloc);
	expect_bad_pointer(OFFENCE_TIME_CALL, USER_START); /* its text: not for writing */
	expect_bad_pointer(OFFENCE_TIME_CALL, USER_START + PAGE_BYTES - 4);
	EXPECT(live_all_bytes(memory, 64, 'x'));
	kfree(memory);
}

/* A pointer into memory that was never touched is as good as any other. */
TEST(system_calls_bring_pages)
{
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	end = offend(OFFENCE_TIME_CALL, USER_STACK_TOP - USER_STACK_BYTES);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	end = offend(OFFENCE_WRITE_CALL, USER_STACK_TOP - USER_STACK_BYTES + PAGE_BYTES - 8);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.pages, 3 + 2); /* text, data, stack; the two that the 16 bytes lie in */
}

/* --- one beside the other ------------------------------------------------------------------- */

/* The death of one is no other's business. */
TEST(only_the_offender_dies)
{
	struct process *bystander;
	struct process_end end;
	uint32_t rounds;

	allow_kept_pages(PROCESS_KEEPS);
	bystander = worker_start(JOB_HOLD, 8);
	ASSERT(bystander);
	for (unsigned i = 0; i < 20; i++)
		offend(i % 2 ? OFFENCE_READ : OFFENCE_HALT, KERNEL_BASE);
	rounds = worker_control(bystander).rounds;
	EXPECT(!process_has_ended(bystander));
	while (worker_control(bystander).rounds == rounds)
		thread_yield();
	end = worker_stop(bystander);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.status, 0);
}

/* Neither gives way by itself; yet both go on, and so does the kernel. */
TEST(timer_preempts_user_code)
{
	struct process *spinners[2];
	uint32_t before[2];

	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < 2; i++) {
		spinners[i] = worker_start(JOB_SPIN, 0);
		ASSERT(spinners[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		before[i] = worker_control(spinners[i]).rounds;
	for (unsigned i = 0; i < 2; i++)
		while (worker_control(spinners[i]).rounds == before[i])
			thread_yield();
	EXPECT_EQ(worker_stop(spinners[0]).fate, PROCESS_EXITED);
	process_kill(spinners[1]);
	EXPECT_EQ(worker_stop(spinners[1]).fate, PROCESS_KILLED);
}

/* The same addresses, another memory each. */
TEST(address_spaces_are_separate)
{
	struct process *workers[3];
	paddr_t phys[3] = {0};

	allow_kept_pages(PROCESS_KEEPS);
	for (uint32_t i = 0; i < 3; i++) {
		workers[i] = worker_start(JOB_HOLD, i);
		ASSERT(workers[i]);
		EXPECT_EQ(process_pages(workers[i]), WORKER_PAGES(i));
		EXPECT(process_translate(workers[i], worker_heap(), &phys[i]));
	}
	EXPECT(phys[0] != phys[1] && phys[1] != phys[2] && phys[0] != phys[2]);
	for (uint32_t i = 0; i < 3; i++) {
		struct process_end end = worker_stop(workers[i]);

		EXPECT_EQ(end.status, 0);
		EXPECT_EQ(end.pages, WORKER_PAGES(i));
	}
}

TEST(kill_wakes_a_sleeper)
{
	const struct program program = program_worker();
	struct process *sleeper;
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	sleeper = process_create(&program, JOB_SLEEP, 0x7fffffff);
	ASSERT(sleeper);
	while (process_pages(sleeper) < 2) /* text, and its stack: it runs */
		thread_yield();
	thread_sleep_ms(20);
	process_kill(sleeper);
	process_wait(sleeper, &end);
	EXPECT_EQ(end.fate, PROCESS_KILLED);
}

/* Before it has run at all. */
TEST(kill_at_once)
{
	const struct program program = program_worker();
	struct process *process;
	struct process_end end;

	allow_kept_pages(PROCESS_KEEPS);
	process = process_create(&program, JOB_SPIN, 0);
	ASSERT(process);
	process_kill(process);
	process_wait(process, &end);
	EXPECT_EQ(end.fate, PROCESS_KILLED);
}

/*
 * With ever more memory, from none on: it is created, or it is not.  Killing the one that is
 * being made, the only one there is, would help nobody: it cannot die before it runs.
 */
TEST(creation_ends_where_memory_does)
{
	enum {
		MOST = 14
	};
	struct fingerprint settled;
	struct held spare, rest;
	unsigned created = 0;

	allow_kept_pages(PROCESS_KEEPS);
	allow_reports(MM_REPORT_ALLOC_FAILED);
	run_worker(JOB_STATUS, 0);
	live_settle(&settled); /* no spare slab makes up for a page */
	held_init(&spare);
	held_init(&rest);
	held_take(&spare, GFP_NOWAIT, 0, MOST);
	held_drain(&rest, GFP_NOWAIT);
	for (unsigned i = 0; i <= MOST; i++) {
		struct process *process = worker_create(JOB_STATUS, 0);

		if (process) {
			process_wait(process, NULL);
			created++;
		}
		__free_page(held_pop(&spare));
	}
	EXPECT(created > 0 && created < MOST);
	held_free(&rest);
}

/* --- interrupts ----------------------------------------------------------------------------- */

#define IRQ_OBJECTS 16u

static struct {
	uint8_t *objects[IRQ_OBJECTS];
	unsigned long from_user, allocs, damaged;
	uint64_t random;
} irq_state;

/* Allocates, signs, verifies and frees, on whatever it has interrupted. */
static void allocating_interrupt(struct trap_frame *frame)
{
	unsigned i = (unsigned)(test_random_from(&irq_state.random) % IRQ_OBJECTS);
	uint8_t **object = &irq_state.objects[i];

	irq_state.from_user += trap_from_user(frame);
	if (*object) {
		irq_state.damaged += !live_all_bytes(*object, 200, (uint8_t)i);
		kfree(*object);
		*object = NULL;
		return;
	}
	*object = kmalloc(200, GFP_ATOMIC);
	if (*object) {
		memset(*object, (int)i, 200);
		irq_state.allocs++;
	}
}

TEST(interrupts_allocate_while_user_code_runs)
{
	struct process *worker, *spinner;
	struct process_end end;

	threads_start_on(BOOT_CPU);
	allow_kept_pages(PROCESS_KEEPS);
	memset(&irq_state, 0, sizeof(irq_state));
	irq_state.random = test_random64();
	worker = worker_start(JOB_HOLD, 6);
	spinner = worker_start(JOB_SPIN, 0);
	ASSERT(worker && spinner);
	timer_start(5000, allocating_interrupt);
	while (irq_state.from_user < 300)
		thread_yield();
	timer_start(TIMER_HZ, NULL);
	EXPECT(irq_state.allocs > 50);
	EXPECT_EQ(irq_state.damaged, 0);
	for (unsigned i = 0; i < IRQ_OBJECTS; i++)
		kfree(irq_state.objects[i]);
	EXPECT_EQ(worker_stop(spinner).fate, PROCESS_EXITED);
	end = worker_stop(worker);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.status, 0);
}

static struct {
	struct process *process;
	unsigned long seen, lost;
} look;

static void look_at_heap(void)
{
	paddr_t phys;

	if (process_translate(look.process, worker_heap(), &phys))
		look.seen++;
	else if (!process_has_ended(look.process))
		look.lost += look.seen > 0;
}

/* The first page of the heap does not vanish while table after table is added for others. */
TEST(interrupts_look_while_tables_come)
{
	enum {
		TABLES = 300,
		ROUNDS = 16
	};
	unsigned long looks = 0;

	if (nr_free_pages() < 4 * TABLES)
		SKIP("too little memory for so many tables");
	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct process_end end;

		look.seen = look.lost = 0;
		look.process = worker_create(JOB_SPREAD, TABLES);
		ASSERT(look.process);
		jitter_start(look_at_heap);
		while (!process_has_ended(look.process))
			thread_yield();
		jitter_stop();
		process_wait(look.process, &end);
		EXPECT_EQ(end.fate, PROCESS_EXITED);
		EXPECT_EQ(end.status, 0);
		EXPECT_EQ(look.lost, 0);
		looks += look.seen;
	}
	EXPECT(looks > 0);
}

TEST_SUITE(process, runs_in_ring_3, status_comes_back, far_away_memory, bad_images_are_refused,
	   kernel_memory_is_out_of_reach, kernel_code_is_out_of_reach, window_is_out_of_reach,
	   nothing_is_at_null, nothing_is_outside_of_areas, text_is_read_only,
	   data_cannot_be_executed, stack_has_an_end, other_exceptions,
	   bad_pointers_in_system_calls, system_calls_bring_pages, only_the_offender_dies,
	   timer_preempts_user_code, address_spaces_are_separate, kill_wakes_a_sleeper,
	   kill_at_once, creation_ends_where_memory_does,
	   interrupts_allocate_while_user_code_runs, interrupts_look_while_tables_come);
