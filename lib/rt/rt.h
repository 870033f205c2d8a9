/* SPDX-License-Identifier: MIT */
/*
 * The run-time of every user program: start-up, system call stubs, kernel object calls, capability slots,
 * memory, and the server loop. crt0 (start.S, start.c) sets up TLS and stdio and calls main(argc, argv);
 * exit() tells init.
 *
 * init is started by the kernel and not by itself: _start knows struct boot_info by its magic, and main,
 * stdio (to the kernel log), slots and kernel calls work there as everywhere. rt_boot is then the page;
 * rt_start is made up.
 */
#pragma once

#include <abi/boot.h>
#include <abi/object.h>
#include <base/checked.h>
#include <proto/proto.h>
#include <proto/start.h>

#include <stdbool.h>

#define PAGE_BYTES (1ull << PAGE_BITS)

/* --- System calls (sys.S) --- */

struct msg {
    uint64_t badge; /* out: of the capability that the sender used, or the notification's bits */
    uint64_t tag;
    uint64_t word[MSG_REGS];
};
/* Makes system call `number` on capability `cap` with tag and words of `m`, which take the results. Returns
 * the label of the tag that came back. */
uint32_t sys_msg(uint64_t number, cap_t cap, struct msg *m);
/* Invokes a kernel object, or calls a server, with up to six words of which the tag tells how many; no
 * capabilities, and nothing of the answer but its label, which is returned. */
uint32_t sys_invoke(cap_t cap, uint64_t tag, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                    uint64_t word4, uint64_t word5);
/* The message page of the calling thread; says where it is. */
struct msg_page *rt_msg_page(void);
void rt_set_msg_page(struct msg_page *page);
/* Makes the thread-local data of a further thread below `top` of its stack. Returns what its tp, and its sp
 * at first, has to be. */
void *rt_tls_make(char *top);

/* --- What the process was started with (start.c) --- */

extern const struct start_info *rt_start;
extern const struct boot_info *rt_boot; /* in init; NULL in every other process */
/* What _start does for init: capabilities, slots and message page from struct boot_info. */
void rt_init_from_boot(const struct boot_info *boot);
/* Tells the run-time which session with mm to use (rt_map, malloc, object_make), where it is not the one of
 * START_MM. */
void rt_set_mm(cap_t session);
/* Slot of the named capability ("fs", "log"), 0 when the description does not grant it. */
cap_t rt_cap(const char *name);
/* The n-th session with a server of that protocol ("blk") that the description grants; NULL: there are no
 * more. */
const struct start_cap *rt_session(const char *protocol, unsigned n);
/* Slot of the first of them, 0 when there is none. */
cap_t rt_server(const char *protocol);
/* Own name and number, for messages. */
const char *rt_name(void);
/* One formatted line to the kernel log (if the process has the log capability), with the process's name in
 * front. */
void rt_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Bytes to the kernel log as they are. */
void rt_log_bytes(const void *bytes, size_t count);
/* Logs the line and ends the process with status 1. */
void rt_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* From now on `write` gets what goes to stdout; NULL: the terminal does. */
void rt_stdout_to(enum error (*write)(const void *bytes, size_t count));
/* Bytes to stdout at once, as they are. */
enum error rt_stdout_write(const void *bytes, size_t count);
/* What read() and write() do with numbers that are not the terminal's; set by lib/client/posix.c when a file
 * is opened. */
struct rt_files {
    long (*read)(int number, void *bytes, size_t size);
    long (*write)(int number, const void *bytes, size_t size);
};
extern const struct rt_files *rt_files;
/* What was said of `name` where the process was started ("STDOUT": the file that its output goes to); NULL:
 * nothing. */
const char *rt_environment(const char *name);
/* An error in words; never NULL. */
const char *error_text(enum error error);
/* Name of an enum object_type as abi/object.h spells it; never NULL. */
const char *object_type_name(uint64_t type);

/* --- Capability slots of the own CNode (slots.c) --- */

cap_t slot_alloc(void); /* an empty slot, 0 when all are taken */
/* `count` neighbouring slots, count a power of two up to 64; the first of them, 0 when there is no such
 * group. */
cap_t slot_alloc_group(unsigned count);
unsigned slot_count_free(void); /* slots that nobody has */
void slot_free(cap_t slot); /* deletes the capability in it, if any, and gives the slot back; 0 is ignored */
void slot_release(cap_t slot); /* gives back a slot that is empty already (moved from, or revoked) */

/* --- Kernel objects (kernel.c): one call per operation of abi/object.h; all return the kernel's answer ---
 */

/* Invokes operation `op` with `count` argument words; the answer's words go to `result` (may be NULL). */
enum error kernel_call(cap_t cap, uint32_t op, const uint64_t *argument, unsigned count, uint64_t *result,
                       unsigned result_count);
enum error untyped_retype(cap_t untyped, enum object_type type, unsigned size_bits, cap_t cnode,
                          uint64_t first_slot, uint64_t count, uint64_t offset);
enum error cnode_copy(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights);
enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge);
enum error cnode_move(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source);
enum error cnode_delete(cap_t cnode, uint64_t slot);
enum error cnode_revoke(cap_t cnode, uint64_t slot);
struct cap_info {
    uint64_t type, rights, badge, size_bits;
    uint64_t same; /* cnode_compare: is to the same object */
};
enum error cnode_inspect(cap_t cnode, uint64_t slot, struct cap_info *info);
enum error cnode_compare(cap_t cnode, uint64_t slot, cap_t other, struct cap_info *info);
/* A number that tells objects apart, 0 when the slot is empty. To compare two is much cheaper. */
uint64_t cnode_object_id(cap_t cnode, uint64_t slot);
enum error frame_map(cap_t frame, cap_t space, uint64_t address, uint64_t rights);
enum error frame_unmap(cap_t frame);
enum error notification_signal(cap_t notification);         /* SYS_SEND */
uint64_t notification_wait(cap_t notification);             /* SYS_WAIT; 0 when it failed */
bool notification_poll(cap_t notification, uint64_t *bits); /* SYS_TRY_WAIT */
enum error timer_set(cap_t timer, cap_t notification, uint64_t deadline, uint64_t period);
enum error timer_cancel(cap_t timer);

/* --- Time --- */

uint64_t rt_ticks(void); /* the time register */
uint64_t rt_ticks_of_us(uint64_t us); /* rounded up */

/* --- Memory, through mm (memory.c) --- */

void *rt_map(size_t length, uint64_t prot); /* zeroed pages, NULL when there are none */
void rt_unmap(void *address, size_t length);
enum error rt_populate(void *address, size_t length); /* whole pages become present now */
enum error rt_discard(void *address, size_t length);  /* and are zero, at no cost, until touched again */
struct segment {
    cap_t cap;
    void *address;
    size_t length;
    uint64_t physical; /* of contiguous segments */
    bool made;         /* by this process, not received */
};
enum error segment_make(struct segment *segment, size_t length); /* makes one and maps it read-write */
/* The same with enum mm_segment_flags. */
enum error segment_make_flags(struct segment *segment, size_t length, uint64_t flags);
/* Maps one received, where mm chooses, or at `address`. */
enum error segment_map(struct segment *segment, cap_t cap, size_t length, uint64_t prot);
enum error segment_map_at(struct segment *segment, cap_t cap, uint64_t address, size_t length, uint64_t prot);
/* Unmaps it and forgets the capability; the memory of one that was made here comes back when nobody else maps
 * it. */
void segment_drop(struct segment *segment);
enum error object_make(enum object_type type, unsigned size_bits, cap_t *cap); /* from the own quota */

/* --- Server loop (serve.c) --- */

/*
 * Receives on `endpoint` for ever and answers by the protocols; replies and the next receive are one system
 * call. What the client sent is copied once before the handler sees it. Signals of the bound notification go
 * to `signalled` (may be NULL), deaths of clients to `client_gone` (may be NULL).
 */
#define PROTO_MAX_SERVED 4
struct server {
    const char *name;
    cap_t endpoint; /* 0: START_ENDPOINT, which every process that serves has */
    const struct protocol *protocol[PROTO_MAX_SERVED]; /* the first is found soonest */
    /* Handlers read requests and write replies of more than eight words in the message page itself, which
     * long calls that they make overwrite. Where both are so long they are the same memory. */
    bool in_place;
    unsigned waits; /* so many handlers have the reply objects to wait from the start; others make them */
    void (*signalled)(uint64_t bits);
    void (*client_gone)(uint64_t client);
    /* Fault messages (mm); true when it made the answer in `m`. May be NULL. */
    bool (*fault)(struct msg *m);
};
void serve(const struct server *server) __attribute__((noreturn));
/*
 * A handler may wait as a task may (task.h), and meanwhile the loop takes other messages. A wait fails at
 * once (ERR_BUSY) when so many handlers of this client wait already, or half as many as may still wait, or
 * TASKS_MAX of all. When the client dies, its handlers' waits fail with ERR_PEER_GONE, and `client_gone` is
 * called when they are over.
 */
#define SERVE_CLIENT_WAITS 16
/* How many handlers of a client have waited and are not over. */
unsigned serve_waits(uint64_t client);
/* In a handler: puts the caller aside in a new or reused reply object; returns its slot, 0 when there is no
 * memory. Then the loop does not answer. */
cap_t serve_defer(struct call *call);
/* Answers a deferred caller and frees the reply object's slot for reuse. */
void serve_answer(cap_t reply, enum error error, const void *words, size_t size);
/* The notification that is bound to the calling thread, so that the loop sees its signals; made at the first
 * call, 0 when that fails. The badge tells sources apart when copies are minted from it; its highest bit is
 * that of tasks' deadlines (task.h). */
cap_t serve_notification(void);
