/* SPDX-License-Identifier: MIT */
/* A program that does one forbidden thing, as its arguments ask; it exits only if it may. */
#include "shared.h"
#include "user.h"

#define RET 0xc3u

static const uint8_t constant = RET;
static volatile uint8_t data = 1;

static void call(uint32_t address)
{
	((void (*)(void))address)();
}

static uint32_t recurse(uint32_t depth)
{
	volatile uint8_t frame[256];

	frame[0] = (uint8_t)depth;
	return depth == ~0u ? 0 : recurse(depth + 1) + frame[0];
}

static void touch(uint32_t offence, uint32_t address)
{
	volatile uint8_t on_stack = RET;

	switch (offence) {
	case OFFENCE_READ: (void)*(volatile uint8_t *)address; break;
	case OFFENCE_WRITE: *(volatile uint8_t *)address = 1; break;
	case OFFENCE_CALL: call(address); break;
	case OFFENCE_WRITE_TEXT: *(volatile uint8_t *)(uint32_t)&constant = 0; break;
	case OFFENCE_RUN_DATA:
		data = RET;
		call((uint32_t)&data);
		break;
	case OFFENCE_RUN_STACK: call((uint32_t)&on_stack); break;
	case OFFENCE_OVERFLOW: recurse(address); break;
	case OFFENCE_WRITE_CALL: write((const char *)address, 16); break;
	case OFFENCE_TIME_CALL: system_call(SYSCALL_TIME, address, 0); break;
	default: break;
	}
}

static void execute(uint32_t offence)
{
	switch (offence) {
	case OFFENCE_HALT: __asm__ volatile("hlt"); break;
	case OFFENCE_DISABLE_IRQS: __asm__ volatile("cli"); break;
	case OFFENCE_OUT: __asm__ volatile("out %al, $0x80"); break;
	case OFFENCE_LOAD_CR3: __asm__ volatile("mov %0, %%cr3" : : "r"(0)); break;
	case OFFENCE_LOAD_SEGMENT:
		__asm__ volatile("mov %0, %%es" : : "r"(SELECTOR_DATA));
		break;
	case OFFENCE_LOAD_LOCAL: __asm__ volatile("mov %0, %%es" : : "r"(7)); break;
	case OFFENCE_INTERRUPT: __asm__ volatile("int $32"); break;
	case OFFENCE_TASK_GATE: __asm__ volatile("int $8"); break;
	case OFFENCE_BEYOND_IDT: __asm__ volatile("int $255"); break;
	case OFFENCE_TASK_RETURN:
		__asm__ volatile("pushf\n\torl $0x4000, (%esp)\n\tpopf\n\tiret");
		break;
	case OFFENCE_SYSENTER: __asm__ volatile("sysenter"); break;
	case OFFENCE_INT3: __asm__ volatile("int3"); break;
	case OFFENCE_UNDEFINED: __asm__ volatile("ud2"); break;
	case OFFENCE_DIVIDE: __asm__ volatile("divl %0" : : "r"(0), "a"(1), "d"(0)); break;
	case OFFENCE_FPU: __asm__ volatile("fninit"); break;
	case OFFENCE_SSE: __asm__ volatile("xorps %xmm0, %xmm0"); break;
	case OFFENCE_TRAP_FLAG:
		__asm__ volatile("pushf\n\torl $0x100, (%esp)\n\tpopf\n\tnop");
		break;
	default: break;
	}
}

int main(uint32_t offence, uint32_t address)
{
	touch(offence, address);
	execute(offence);
	return 0;
}
