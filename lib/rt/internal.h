/* SPDX-License-Identifier: MIT */
/* What the files of lib/rt share and programs need not know. */
#pragma once

#include "rt.h"

/* Where the capabilities lie that the run-time itself uses; 0: the process has none. */
struct rt_caps {
    cap_t cnode, thread, mm, proc, log;
};
extern struct rt_caps rt_caps;

/* Start of the C part, called by _start: `page` is what the process was started with, `tls` the memory for
 * the thread-local data of the first thread. */
void rt_enter(const void *page, void *tls) __attribute__((noreturn));
/* Prepares the bitmap of free slots: [first, end) of the own CNode are empty. */
void slots_init(uint64_t first, uint64_t end);
/* Writes out what stdio has buffered. */
void rt_stdio_flush(void);
/* Takes and gives back, recursively, what guards those buffers and the heap; NULL without threads. */
extern void (*rt_libc_lock)(bool take);
/* Puts the parts of the C library that this run-time replaces into the program: see libc.c. */
void rt_libc_init(void);

/* The same for malloc: heap.c. */
void rt_heap_init(void);

/* Has the C library lock what threads share: thread_libc.c. */
void thread_libc_init(void);

/* Whether a capability that came, and that the kernel says is of kind `came` (struct msg_page), is one of
 * those that an OP line wants. ERR_WRONG_TYPE, ERR_NO_RIGHT: it is not. */
static inline enum error cap_check_kind(uint32_t came, uint32_t wanted)
{
    uint32_t type = wanted & 0xff & ~(uint32_t)PROTO_OPTIONAL, rights = wanted >> 8;
    if (type == OBJ_NULL)
        return ERR_OK;
    if ((came & 0xff) != type)
        return ERR_WRONG_TYPE;
    return (came >> 8 & rights) == rights ? ERR_OK : ERR_NO_RIGHT;
}

/* Copies message words 8 and up, of which there are none when count <= 8, out of or into the message page. */
static inline void page_words_get(uint64_t *words, unsigned count)
{
    if (count <= MSG_REGS)
        return;
    const struct msg_page *page = rt_msg_page();
    for (unsigned i = MSG_REGS; i < count; i++)
        words[i] = page->word[i];
}

static inline void page_words_put(const uint64_t *words, unsigned count)
{
    if (count <= MSG_REGS)
        return;
    struct msg_page *page = rt_msg_page();
    for (unsigned i = MSG_REGS; i < count; i++)
        page->word[i] = words[i];
}
