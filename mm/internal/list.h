/* SPDX-License-Identifier: MIT */
/* Doubly linked lists with the links inside the elements, and a head that is one of them. */
#ifndef MM_INTERNAL_LIST_H
#define MM_INTERNAL_LIST_H

#include <mm/types.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

/* Nothing may be removed from the list in the body. */
#define list_for_each(link, head)      for (link = (head)->next; link != (head); link = link->next)

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add(struct list *head, struct list *link)
{
	link->next = head->next;
	link->prev = head;
	head->next->prev = link;
	head->next = link;
}

static inline void list_add_tail(struct list *head, struct list *link)
{
	list_add(head->prev, link);
}

static inline void list_del(struct list *link)
{
	link->next->prev = link->prev;
	link->prev->next = link->next;
}

static inline void list_move(struct list *head, struct list *link)
{
	list_del(link);
	list_add(head, link);
}

#endif
