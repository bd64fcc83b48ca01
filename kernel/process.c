/* SPDX-License-Identifier: MIT */
/*
 * The life of a process: made from a program, run, ended, waited for.
 *
 * A process has one thread.  That starts in the kernel, goes to ring 3, and comes back for
 * each trap, on its own kernel stack from the top: nothing that it left there is needed.
 *
 * Death.  Whoever wants a process to die, itself included, settles how it ends; the first
 * one wins.  From then on it is dying: what it waits for in the kernel ends early, and
 * before it would return to ring 3 it dies instead, in its own thread.  There it holds
 * nothing of the kernel's, so all that it has can be given back: no memory is needed
 * for that.  What is left for process_wait() is struct process and the dead thread.
 *
 * I1: a process is on the list from before its thread starts until its memory is free.
 * I2: `space` is set as long as its pages are held; it is NULL before they are freed.
 *
 * Locks: `lock` for the list, `dying`, `end` and `space`; before those of wait queues and of
 * address spaces.
 */
#include <kernel/address_space.h>
#include <kernel/layout.h>
#include <kernel/printk.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/reclaim.h>

#define TEXT_MAX     120u
#define DEATH_MAX_MS 100u /* so long one waits for a process that is to die */

struct process {
	unsigned id;      /* [I] */
	const char *name; /* [I] */
	uint32_t entry;   /* [I] */
	uint32_t args[2]; /* [I] */

	struct process *next;        /* on the list */
	struct thread *thread;       /* NULL before it has one */
	struct address_space *space; /* its thread's, but for those who hold interrupts off */
	uintptr_t heap_start;        /* [I] page aligned */
	uintptr_t heap_end;          /* its thread's */

	bool dying;
	bool uses_reserves;            /* its thread's */
	struct process_end end;        /* once it is dying */
	struct wait_queue dying_queue; /* what a process sleeps on */
};

_Noreturn void user_enter(uint32_t eip, uint32_t esp, uint32_t ebx, uint32_t ecx);

static struct spinlock lock;
static struct process *first;
static unsigned last_id;
static unsigned long nr_deaths;
static struct wait_queue deaths;

struct process *process_current(void)
{
	return current()->process;
}

unsigned process_id(const struct process *process)
{
	return process->id;
}

const char *process_name(const struct process *process)
{
	return process->name;
}

void process_activate(struct process *process)
{
	address_space_switch(process ? process->space : NULL);
}

static void list_add(struct process *process)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	process->id = ++last_id;
	process->next = first;
	first = process;
	spin_unlock_irqrestore(&lock, flags);
}

static void list_remove_locked(struct process *process)
{
	struct process **link = &first;

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
}

static void list_remove(struct process *process)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	list_remove_locked(process);
	spin_unlock_irqrestore(&lock, flags);
}

void process_for_each_directory(void (*visit)(paddr_t phys))
{
	uint32_t flags = spin_lock_irqsave(&lock);

	for (const struct process *process = first; process; process = process->next)
		if (process->space)
			address_space_for_each_directory(process->space, visit);
	spin_unlock_irqrestore(&lock, flags);
}

/* --- the end --------------------------------------------------------------------------------- */

/* [lock] The first to say how it ends: true. */
static bool settle_locked(struct process *process, const struct process_end *end)
{
	if (process->dying)
		return false;
	process->end = *end;
	process->end.pages = process->space ? address_space_pages(process->space) : 0;
	__atomic_store_n(&process->dying, true, __ATOMIC_RELEASE);
	wait_wake_all(&process->dying_queue);
	if (process->thread)
		sched_wake(process->thread);
	return true;
}

static bool settle(struct process *process, const struct process_end *end)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	bool settled = settle_locked(process, end);

	spin_unlock_irqrestore(&lock, flags);
	return settled;
}

/* The running process, which is dying.  Interrupts on. */
static _Noreturn void die(struct process *process)
{
	struct address_space *space = process->space;
	uint32_t flags = spin_lock_irqsave(&lock);

	process->space = NULL;
	current()->process = NULL;
	process_activate(NULL);
	spin_unlock_irqrestore(&lock, flags);
	address_space_destroy(space);

	flags = spin_lock_irqsave(&lock);
	list_remove_locked(process);
	nr_deaths++;
	wait_wake_all(&deaths);
	spin_unlock_irqrestore(&lock, flags);
	thread_exit();
}

_Noreturn void process_exit(int status)
{
	struct process *process = process_current();

	settle(process, &(struct process_end){.fate = PROCESS_EXITED, .status = status});
	die(process);
}

void process_kill(struct process *process)
{
	settle(process, &(struct process_end){.fate = PROCESS_KILLED});
}

bool process_has_ended(const struct process *process)
{
	return __atomic_load_n(&process->dying, __ATOMIC_ACQUIRE);
}

void process_wait(struct process *process, struct process_end *end)
{
	thread_join(process->thread);
	if (end)
		*end = process->end;
	kfree(process);
}

bool process_is_dying(void)
{
	struct process *process = process_current();

	return process && process_has_ended(process);
}

void process_return_to_user(void)
{
	irqs_disable();
	if (!process_is_dying())
		return;
	irqs_enable();
	die(process_current());
}

void process_sleep(unsigned ms)
{
	struct process *process = process_current();

	wait_event_until(&process->dying_queue, process_has_ended(process), wait_deadline(ms));
}

/* --- the start ------------------------------------------------------------------------------- */

static void process_main(void *arg)
{
	struct process *process = arg;
	uint32_t flags = irq_save();

	process->thread = current();
	current()->process = process;
	process_activate(process);
	irq_restore(flags);
	if (process_has_ended(process))
		die(process);
	user_enter(process->entry, USER_STACK_TOP, process->args[0], process->args[1]);
}

static bool is_sane(const struct program_header *h, size_t size)
{
	return h->magic == PROGRAM_MAGIC && h->text_end % PAGE_SIZE == 0 &&
	       h->entry >= USER_START + sizeof(*h) && h->entry < h->text_end &&
	       h->text_end <= h->data_end && h->data_end <= h->end &&
	       h->end <= USER_HEAP_END - PAGE_SIZE && h->data_end - USER_START == size;
}

/* Its areas, and in them what the image has; all else comes when it is touched. */
static bool load(struct process *process, const struct program *program)
{
	struct address_space *space = process->space;
	struct program_header header;

	if (program->size < sizeof(header))
		return false;
	memcpy(&header, program->image, sizeof(header));
	if (!is_sane(&header, program->size))
		return false;
	process->entry = header.entry;
	process->heap_start = (header.end + PAGE_SIZE - 1) & PAGE_MASK;
	process->heap_end = process->heap_start;
	return address_space_add(space, USER_START, header.text_end, AREA_EXECUTE) &&
	       address_space_add(space, header.text_end, process->heap_start, AREA_WRITE) &&
	       address_space_add(space, process->heap_start, process->heap_start, AREA_WRITE) &&
	       address_space_add(space, USER_STACK_TOP - USER_STACK_BYTES, USER_STACK_TOP,
				 AREA_WRITE) &&
	       address_space_write(space, USER_START, program->image, program->size);
}

struct process *process_create(const struct program *program, uint32_t arg0, uint32_t arg1)
{
	struct process *process = kzalloc(sizeof(*process), GFP_KERNEL);
	struct thread *thread;

	if (!process)
		return NULL;
	process->name = program->name;
	process->args[0] = arg0;
	process->args[1] = arg1;
	process->space = address_space_create();
	if (!process->space)
		goto no_space;
	if (!load(process, program))
		goto not_started;
	list_add(process);
	thread = thread_create(process->name, process_main, process);
	if (thread) {
		__atomic_store_n(&process->thread, thread, __ATOMIC_RELEASE);
		return process;
	}
	list_remove(process);
not_started:
	address_space_destroy(process->space);
no_space:
	kfree(process);
	return NULL;
}

uintptr_t process_grow(size_t nr_bytes)
{
	struct process *process = process_current();
	uintptr_t old_end = process->heap_end;
	uintptr_t end = old_end + nr_bytes;

	if (nr_bytes > USER_HEAP_END - old_end ||
	    !address_space_grow(process->space, process->heap_start,
				(end + PAGE_SIZE - 1) & PAGE_MASK))
		return 0;
	process->heap_end = end;
	return old_end;
}

/* --- faults ---------------------------------------------------------------------------------- */

static const char *access_of(uint32_t error)
{
	if (error & FAULT_FETCH)
		return "execute";
	return error & FAULT_WRITE ? "write" : "read";
}

static const char *place_of(uint32_t address, uint32_t error, enum fault_answer answer)
{
	if (address >= KERNEL_BASE)
		return "kernel memory";
	if (address < PAGE_SIZE)
		return "nothing there (NULL pointer?)";
	if (answer == FAULT_NO_AREA)
		return "nothing there";
	return error & FAULT_FETCH ? "data" : "read-only memory";
}

static void end_by_page_fault(struct process *process, const struct trap_frame *frame,
			      uint32_t address, enum fault_answer answer)
{
	const struct process_end end = {
		.fate = answer == FAULT_NO_MEMORY ? PROCESS_OUT_OF_MEMORY : PROCESS_FAULTED,
		.vector = frame->vector,
		.error = frame->error,
		.address = address,
		.eip = frame->eip,
	};

	if (!settle(process, &end))
		return;
	if (answer == FAULT_NO_MEMORY)
		printk("process %u (%s): page fault at 0x%08x: no memory for the page",
		       process->id, process->name, address);
	else
		printk("process %u (%s): page fault at 0x%08x: %s, %s; eip 0x%08x", process->id,
		       process->name, address, place_of(address, frame->error, answer),
		       access_of(frame->error), frame->eip);
}

static void end_by_exception(struct process *process, const struct trap_frame *frame)
{
	const struct process_end end = {
		.fate = PROCESS_FAULTED,
		.vector = frame->vector,
		.error = frame->error,
		.eip = frame->eip,
	};

	if (settle(process, &end))
		printk("process %u (%s): exception %u: %s (error %x); eip 0x%08x", process->id,
		       process->name, frame->vector, trap_name(frame->vector), frame->error,
		       frame->eip);
}

void process_exception(struct trap_frame *frame)
{
	struct process *process = process_current();
	uint32_t address = read_cr2(); /* before anything else faults */
	enum fault_answer answer;

	irqs_enable();
	if (frame->vector != VECTOR_PAGE_FAULT) {
		end_by_exception(process, frame);
		return;
	}
	answer = address_space_fault(process->space, address, frame->error, __GFP_NOWARN);
	if (answer != FAULT_SERVED)
		end_by_page_fault(process, frame, address, answer);
}

bool process_serve_fault(const struct trap_frame *frame)
{
	struct process *process = process_current();
	uint32_t address = read_cr2();
	bool served;

	/* Only what could as well have slept before it faulted. */
	if (!process || process_has_ended(process) || !(frame->eflags & EFLAGS_IF) ||
	    address >= USER_END)
		return false;
	irqs_enable();
	served = may_sleep() && address_space_fault(process->space, address, frame->error,
						    __GFP_NOWARN) == FAULT_SERVED;
	irqs_disable();
	return served;
}

void process_bad_pointer(const struct trap_frame *frame, uintptr_t address)
{
	struct process *process = process_current();
	const struct process_end end = {
		.fate = PROCESS_FAULTED,
		.vector = VECTOR_SYSCALL,
		.address = address,
		.eip = frame->eip,
	};

	if (settle(process, &end))
		printk("process %u (%s): system call %u: bad pointer 0x%08zx; eip 0x%08x",
		       process->id, process->name, frame->eax, (size_t)address, frame->eip);
	die(process);
}

/* --- out of memory --------------------------------------------------------------------------- */

/*
 * Who is dying anyway, or else holds most pages; NULL: nobody.  Not one that is still being
 * made: it cannot die before it has a thread, and memory may be short for just that.
 * [lock]
 */
static struct process *choose_victim(void)
{
	struct process *victim = NULL;
	size_t most = 0;

	for (struct process *process = first; process; process = process->next) {
		if (!process->thread)
			continue;
		if (process->dying)
			return process;
		if (address_space_pages(process->space) > most) {
			most = address_space_pages(process->space);
			victim = process;
		}
	}
	return victim;
}

/*
 * The running process is to die, and stands in the way of that with a request: it may have
 * all reserves, which it will give back at once, or do without.  True the first time.
 */
static bool use_reserves(struct process *process)
{
	if (process->uses_reserves)
		return false;
	process->uses_reserves = true;
	memalloc_noreclaim_enter();
	return true;
}

bool process_out_of_memory(void)
{
	const struct process_end end = {.fate = PROCESS_OUT_OF_MEMORY};
	struct process copy = {0}, *victim;
	bool settled, own;
	unsigned long seen;
	uint32_t flags;

	if (process_is_dying())
		return use_reserves(process_current());
	flags = spin_lock_irqsave(&lock);
	victim = choose_victim();
	settled = victim && settle_locked(victim, &end);
	own = victim == process_current();
	seen = nr_deaths;
	if (victim)
		copy = *victim; /* it may be gone soon */
	spin_unlock_irqrestore(&lock, flags);
	if (settled)
		printk("process %u (%s): killed, because memory is short: it holds %zu pages",
		       copy.id, copy.name, copy.end.pages);
	if (!victim)
		return false;
	if (own)
		return use_reserves(victim);
	wait_event_until(&deaths, __atomic_load_n(&nr_deaths, __ATOMIC_RELAXED) != seen,
			 wait_deadline(DEATH_MAX_MS));
	return true;
}

/* --- looking on ------------------------------------------------------------------------------ */

bool process_peek(struct process *process, uintptr_t address, void *to, size_t n)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	bool done = process->space && address_space_peek(process->space, address, to, n);

	spin_unlock_irqrestore(&lock, flags);
	return done;
}

bool process_poke(struct process *process, uintptr_t address, const void *from, size_t n)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	bool done = process->space && address_space_poke(process->space, address, from, n);

	spin_unlock_irqrestore(&lock, flags);
	return done;
}

bool process_translate(struct process *process, uintptr_t address, paddr_t *phys)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	bool done = process->space && address_space_translate(process->space, address, phys);

	spin_unlock_irqrestore(&lock, flags);
	return done;
}

size_t process_pages(const struct process *process)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	size_t pages = process->space ? address_space_pages(process->space) : 0;

	spin_unlock_irqrestore(&lock, flags);
	return pages;
}

size_t process_tables(const struct process *process)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	size_t tables = process->space ? address_space_tables(process->space) : 0;

	spin_unlock_irqrestore(&lock, flags);
	return tables;
}
