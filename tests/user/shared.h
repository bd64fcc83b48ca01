/* SPDX-License-Identifier: MIT */
/* What the tests and their user programs tell each other.  Read by both. */
#ifndef TESTS_USER_SHARED_H
#define TESTS_USER_SHARED_H

#include <stdint.h>

/* What the first argument of "offender" asks for; the second is an address, where it needs one. */
enum offence {
	OFFENCE_READ,
	OFFENCE_WRITE,
	OFFENCE_CALL,
	OFFENCE_WRITE_TEXT, /* its own */
	OFFENCE_RUN_DATA,   /* a RET in its data */
	OFFENCE_RUN_STACK,  /* the same on its stack */
	OFFENCE_OVERFLOW,   /* recursion without end */
	OFFENCE_HALT,       /* privileged instructions */
	OFFENCE_DISABLE_IRQS,
	OFFENCE_OUT,
	OFFENCE_LOAD_CR3,
	OFFENCE_LOAD_SEGMENT, /* the kernel's data segment */
	OFFENCE_LOAD_LOCAL,   /* a selector of the LDT, of which there is none */
	OFFENCE_INTERRUPT,    /* INT 32, the timer's */
	OFFENCE_TASK_GATE,    /* INT 8 */
	OFFENCE_BEYOND_IDT,
	OFFENCE_TASK_RETURN, /* IRET to the task that is linked to this one */
	OFFENCE_SYSENTER,
	OFFENCE_INT3,
	OFFENCE_UNDEFINED,
	OFFENCE_DIVIDE,
	OFFENCE_FPU,
	OFFENCE_SSE,
	OFFENCE_TRAP_FLAG,  /* single step */
	OFFENCE_WRITE_CALL, /* system calls with the address */
	OFFENCE_TIME_CALL,
};

/* The jobs of "worker", its first argument. */
enum job {
	JOB_CHECK,  /* everything a program may do; 0, or the number of what went wrong */
	JOB_STATUS, /* exit with the second argument */
	JOB_FAR,    /* use the ends of a heap of more than a gigabyte */
	JOB_HOLD,   /* touch so many pages, keep checking them until told to stop */
	JOB_MIX,    /* the same, but one by one: those who start together mix their pages */
	JOB_DOZE,   /* touch so many pages, then sleep for very long */
	JOB_HOARD,  /* touch pages without end */
	JOB_SPIN,   /* count, without any system call */
	JOB_SLEEP,  /* for so many ms */
	JOB_SPREAD, /* touch so many pages, 2 MiB apart: one in each table of pages */
};

/* At the start of worker's heap, when its job is to hold pages or to spin. */
struct job_control {
	volatile uint32_t stop;   /* set by the test: exit with `errors` */
	volatile uint32_t ready;  /* all pages are touched */
	volatile uint32_t rounds; /* of checks; of counting */
	volatile uint32_t errors; /* words that were not what they should be */
};

#endif
