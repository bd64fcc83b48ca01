/* SPDX-License-Identifier: MIT */
/*
 * A visitor in timer interrupts, who allocates with GFP_ATOMIC while something else is under
 * test.  What it gets it fills, keeps for a while, verifies and frees.
 */
#ifndef TESTS_KERNEL_VISITOR_H
#define TESTS_KERNEL_VISITOR_H

/*
 * visitor_step - from a handler: one object or page is taken or given back.
 * visitor_peek - from a handler: a small object is taken and given back at once.  No page
 *	changes hands, so the thread finds as many free as before, and nobody is woken.
 * visitor_enter - before the first peek: an object that keeps a slab there for it.
 * visitor_leave - give back all, EXPECT that nothing was damaged, and that it could work.
 */
void visitor_enter(void);
void visitor_step(void);
void visitor_peek(void);
void visitor_leave(void);

/* Requests that got memory so far, and those that did not. */
unsigned long visitor_served(void);
unsigned long visitor_refused(void);

#endif
