/* SPDX-License-Identifier: MIT */
/*
 * The run-time of every user program: start-up, system call stubs, kernel object calls, capability slots, memory, and
 * the server loop. crt0 (start.S, start.c) sets up TLS and stdio and calls main(argc, argv); exit() tells init.
 */
#pragma once

#include <abi/object.h>
#include <proto/proto.h>
#include <proto/start.h>

#include <stdbool.h>

/* --- System calls (sys.S) --- */

struct msg {
    uint64_t badge; /* out: of the capability that the sender used, or the notification's bits */
    uint64_t tag;
    uint64_t word[MSG_REGS];
};
/* Makes system call `number` on capability `cap` with tag and words of `m`, which take the results. Returns the label of
 * the tag that came back. */
uint32_t sys_msg(uint64_t number, cap_t cap, struct msg *m);
/* The message page of the calling thread. */
struct msg_page *rt_msg_page(void);

/* --- What the process was started with (start.c) --- */

extern const struct start_info *rt_start;
/* Slot of the named capability ("fs"), 0 when the description does not grant it. */
cap_t rt_cap(const char *name);
/* Own name and number, for messages. */
const char *rt_name(void);
/* One formatted line to the kernel log (if the process has the log capability), with the process's name in front. */
void rt_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Logs the line and ends the process with status 1. */
void rt_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
const char *error_text(enum error error);
const char *object_type_name(uint64_t type);

/* --- Capability slots of the own CNode (slots.c) --- */

cap_t slot_alloc(void);      /* an empty slot, 0 when all are taken */
void slot_free(cap_t slot);  /* deletes the capability in it, if any, and gives the slot back */

/* --- Kernel objects (kernel.c): one call per operation of abi/object.h; all return the kernel's answer --- */

/* Invokes operation `op` with `count` argument words; the answer's words go to `result` (may be NULL). */
enum error kernel_call(cap_t cap, uint32_t op, const uint64_t *argument, unsigned count, uint64_t *result,
                       unsigned result_count);
enum error untyped_retype(cap_t untyped, enum object_type type, unsigned size_bits, cap_t cnode, uint64_t first_slot,
                          uint64_t count, uint64_t offset);
enum error cnode_copy(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights);
enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights, uint64_t badge);
enum error cnode_move(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source);
enum error cnode_delete(cap_t cnode, uint64_t slot);
enum error cnode_revoke(cap_t cnode, uint64_t slot);
struct cap_info {
    uint64_t type, rights, badge, size_bits, object;
};
enum error cnode_inspect(cap_t cnode, uint64_t slot, struct cap_info *info);
enum error frame_map(cap_t frame, cap_t space, uint64_t address, uint64_t rights);
enum error frame_unmap(cap_t frame);
enum error notification_signal(cap_t notification);                  /* SYS_SEND */
uint64_t notification_wait(cap_t notification);                      /* SYS_WAIT; 0 when it failed */
bool notification_poll(cap_t notification, uint64_t *bits);          /* SYS_TRY_WAIT */
enum error timer_set(cap_t timer, cap_t notification, uint64_t deadline, uint64_t period);
enum error timer_cancel(cap_t timer);

/* --- Time --- */

uint64_t rt_ticks(void);                    /* the time register */
uint64_t rt_ticks_of_us(uint64_t us);

/* --- Memory, through mm (memory.c) --- */

void *rt_map(size_t length, uint64_t prot); /* zeroed pages, NULL when there are none */
void rt_unmap(void *address, size_t length);
struct segment {
    cap_t cap;
    void *address;
    size_t length;
    uint64_t physical; /* of contiguous segments */
};
enum error segment_make(struct segment *segment, size_t length); /* makes one and maps it read-write */
enum error segment_map(struct segment *segment, cap_t cap, size_t length, uint64_t prot); /* maps one received */
void segment_drop(struct segment *segment); /* unmaps and forgets the capability */
enum error object_make(enum object_type type, unsigned size_bits, cap_t *cap); /* from the own quota */

/* --- Server loop (serve.c) --- */

/*
 * Receives on `endpoint` for ever and answers by `table`; replies and the next receive are one system call. What the
 * client sent is copied once into a local buffer before the handler sees it. Signals of the bound notification go to
 * `signalled` (may be NULL), deaths of clients to `client_gone` (may be NULL).
 */
struct server {
    const char *name;
    cap_t endpoint;
    const struct proto_handler *table;
    void (*signalled)(uint64_t bits);
    void (*client_gone)(uint64_t client);
    /* For messages that are not of the table (mm: page faults); true when it made the answer. May be NULL. */
    bool (*other)(struct msg *m);
};
void serve(const struct server *server) __attribute__((noreturn));
/* In a handler: puts the caller aside in a new or reused reply object; returns its slot, 0 when there is no memory. The
 * handler sets call->deferred. */
cap_t serve_defer(struct call *call);
/* Answers a deferred caller and frees the reply object's slot for reuse. */
void serve_answer(cap_t reply, enum error error, const void *words, size_t size);
/* Binds a new notification to the calling thread, so that the loop sees its signals; badge tells sources apart when
 * copies are minted from it. */
cap_t serve_notification(void);
