/* SPDX-License-Identifier: MIT */
/* What the files of init share: the table of processes, and who does what with it. */
#pragma once

#include "description.h"

#include <abi/boot.h>
#include <base/elf.h>
#include <proto/mm.h>
#include <proto/proc.h>
#include <rt/rt.h>

#define MAX_PROCESSES       64
#define CAUSE_BYTES         112 /* as proto/proc.h has it */
#define NUMBER_INIT         0
#define NUMBER_MM           1

/* Where things lie in a new process; programs are linked below. */
#define PROCESS_STACK_HIGH  0x3ff0000000ull
#define PROCESS_STACK_BYTES 0x40000ull
#define PROCESS_START_PAGE  0x3ff1000000ull /* struct start_info */
#define PROCESS_MSG_PAGE    0x3ff1001000ull
/* Where init maps what it copies into, and programs that it is given; nothing else is there. */
#define WINDOW_NEW_IMAGE    0x1000000000ull
#define WINDOW_PROGRAM      0x1800000000ull

/* Bits of init's notification. */
#define SIGNAL_CRASH        1 /* from mm: somebody crashed */
#define SIGNAL_TIMER        2

#define NOT_DESCRIBED       DESCRIPTION_MAX_PROCESSES

/* A process, or the memory of one that has ended. Capabilities are in init's CNode; 0: none. */
struct process {
    bool used;
    uint64_t number;
    char name[16];
    unsigned described; /* index in the description, or NOT_DESCRIBED: a program that somebody spawned */
    uint64_t parent;    /* that spawned it; NUMBER_INIT for the described */
    const struct description_grant *grant;
    uint64_t state;  /* enum proc_state */
    uint64_t status; /* PROC_EXITED */
    char cause[CAUSE_BYTES];
    uint64_t started; /* ticks */
    uint64_t space;   /* mm's number for its address space */
    uint32_t hart;    /* that it runs on, counted from the one that booted */
    cap_t session, address_space, cnode, thread, context;
    cap_t fault;         /* endpoint for the faults of its threads */
    cap_t message_frame; /* only until the thread has it */
    unsigned threads;    /* besides the first */
    uint64_t cnode_slots;
    cap_t watcher; /* notification of the parent, signalled at the end */
    cap_t power_signal; /* notification of its own, signalled before the machine is switched off */
    bool power_ready;   /* it has finished what it had to do then */
};

/* What outlives restarts of a described process. */
struct service {
    cap_t endpoint;          /* that it serves, with all rights; 0: none */
    cap_t manage;            /* init's own session with it */
    struct process *process; /* the newest; NULL: not started yet */
    bool waiting;            /* to be started when `due` comes */
    uint64_t due;            /* ticks */
    unsigned failures;       /* in a row, without 10 seconds of peace */
    uint64_t restarts;
};

/* A program to be loaded: its file, and what elf_open said of it. */
struct program {
    const uint8_t *file;
    size_t size;
    struct elf elf;
};

extern struct description description;
extern struct service services[DESCRIPTION_MAX_PROCESSES];
extern cap_t mm_session;       /* init's session with mm */
extern cap_t own_notification; /* bound to init's thread */
extern cap_t timer;            /* signals SIGNAL_TIMER */
extern cap_t timer_signal;

/* --- log.c --- */

/* One line in the kernel log as it is, newline added. Needs no thread-local data and no message page. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the machine with a failure status, after a line that says so. */
void power_off(void) __attribute__((noreturn));
/* Logs the line and powers off. */
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* --- pool.c: memory before there is mm --- */

/* Takes stock of the untyped memory that the kernel left. */
void pool_init(const struct boot_info *boot);
/* An untyped of exactly 2^bits bytes of RAM in a new slot; gives up when there is none. */
cap_t pool_take(unsigned bits);
/* Sets 2^bits bytes aside for pool_object. */
void pool_reserve(unsigned bits);
/* Makes a kernel object out of the reserve; gives up when that fails. */
cap_t pool_object(enum object_type type, unsigned size_bits);
/* Bytes made into objects so far. */
uint64_t pool_used(void);
/* Moves all RAM that is left into `cnode` from slot `first` on, and writes "SLOT:SIZE_BITS" for each. */
uint64_t pool_give(cap_t cnode, uint64_t first, struct start_info *start);

/* --- process.c: the table --- */

/* A new entry with the next number; NULL when the table is full. */
struct process *process_new(const char *name, unsigned described, uint64_t parent,
                            const struct description_grant *grant);
/* Gives an entry back. */
void process_forget(struct process *process);
/* The process of that number, running or ended; NULL when there is none. */
struct process *process_find(uint64_t number);
/* The running process that mm calls `space`. */
struct process *process_of_space(uint64_t space);
/* The process with the least number that is not below `number`; NULL: none. */
struct process *process_next(uint64_t number);
/* Whether it has been made and has not ended. */
bool process_is_alive(const struct process *process);
/* A kernel object that `space` pays for; its slot in *cap. */
enum error object_for(uint64_t space, enum object_type type, unsigned size_bits, cap_t *cap);

/* --- hart.c --- */

/* The hart for a new process of that grant, counted from the one that booted. */
uint32_t hart_choose(const struct process *process);

/* --- thread.c --- */

struct thread_plan {
    const char *name;
    uint32_t hart; /* counted from the one that booted, over and over */
    uint32_t budget_us, period_us;
    uint32_t deadline_us; /* 0: none */
    uint8_t priority;
    cap_t thread, context, cnode, address_space, message_frame, fault; /* message_frame, fault: 0 for none */
};
/* Gives a new scheduling context a deadline, unless that is 0. */
enum error context_set_deadline(cap_t context, uint32_t deadline_us);
/* Gives a new thread its time, priority, spaces and name. *step says what failed. */
enum error thread_prepare(const struct thread_plan *plan, const char **step);
enum error thread_start(cap_t thread, uint64_t entry, uint64_t stack, uint64_t argument);
/* What proc_thread does; cap[]: thread and scheduling context, in new slots. */
enum error thread_add(struct process *process, const struct proc_thread_request *q,
                      struct proc_thread_reply *r, cap_t cap[2]);

/* --- startinfo.c: the page that a process starts with (portable) --- */

/* Fills a page for the process; no capabilities and no arguments yet. */
void start_info_init(struct start_info *start, uint64_t number, const char *name, uint64_t timebase);
/* Names a capability, and the protocol that it is a session of ("": of none); false when the table is
 * full. */
bool start_info_cap(struct start_info *start, const char *protocol, const char *name, uint32_t slot);
/* Appends the words of a text, which blanks part, as arguments at args + *length, where there is room for
 * them. Returns how many. */
unsigned start_args_add(char *args, size_t *length, const char *text);
/* Adds an argument; false when there is no room. */
bool start_info_arg(struct start_info *start, const char *text);

/* --- first.c --- */

/* Log2 of the memory that init sets aside for itself and for this program of mm. */
unsigned mm_reserve_bits(const struct elf *elf);
/* The endpoints that mm receives from, one for each hart, counted from the one that booted. The first is
 * that of mm's entry among the services. */
struct receiver {
    cap_t endpoint;
};
extern struct receiver receivers[BOOT_MAX_HARTS];

/* Makes and starts mm out of init's own memory, hands all the rest to it, and opens mm_session. Its faults go
 * to `fault`. */
void start_mm(const struct boot_info *boot, const struct program *program, cap_t fault);

/* --- load.c --- */

/* A segment that `space` pays for. */
enum error segment_for(uint64_t space, uint64_t length, cap_t *segment);
/* Lets mm free a segment as soon as nobody maps it, and forgets the capability. */
void segment_give_back(cap_t segment);
/* Maps the first `length` bytes of a segment into init itself at one of the windows, and unmaps them again.
 */
enum error window_open(cap_t segment, uint64_t address, uint64_t length, uint64_t prot);
void window_close(uint64_t address, uint64_t length);
/* Makes the memory of `process` (program, stack, start page) through mm. */
enum error load_program(const struct process *process, const struct program *program,
                        const struct start_info *start);

/* --- grant.c --- */

/* Puts into the process's CNode what its grant says, and names it in `start`. */
enum error grant_caps(struct process *process, struct start_info *start);
/* Puts the hardware's device tree and all device memory into dev's CNode; tells of them by arguments. */
enum error grant_hardware(struct process *process, struct start_info *start);
/* Takes back all device memory that was given. */
void revoke_hardware(void);

/* --- create.c --- */

/* Makes and starts the process. `args` holds `count` terminated strings. When it fails nothing is left but
 * the entry, and process->cause says in words what failed. */
enum error process_create(struct process *process, const struct program *program, const char *args,
                          size_t args_length, unsigned count);
/* Takes everything away that a process was made of. */
void process_destroy(struct process *process);

/* --- backoff.c (portable) --- */

/* Delay before a restart after `failures` failures in a row, in milliseconds. */
uint64_t restart_delay_ms(unsigned failures);

/* --- service.c: described processes --- */

/* Makes the endpoints that processes serve, and the entries of init and mm. */
void services_init(void);
/* Starts everything in order. */
void services_start(void);
/* Starts what is due, and tells servers of dead clients; arms the timer for what remains. */
void services_run(void);
/* Whether a described process runs. */
bool service_is_up(unsigned service);
/* A described process has ended: plans its restart, or closes what it served. Writes what happens next, for
 * the log. */
void service_ended(const struct process *process, char *text, size_t size);

/* --- gone.c: telling servers of dead clients --- */

/* Plans to tell every server that `process` could talk to. */
void gone_add(const struct process *process);
/* A server has ended: it has nobody to forget. */
void gone_forget(unsigned service);
/* Whether a server has not been told everything yet. */
bool gone_pending(unsigned service);
/* Tells those that listen; true when some do not yet. */
bool gone_tell(void);

/* --- end.c --- */

/* Ends a running process: says why in the log, frees everything, plans what follows. */
void process_end(struct process *process, enum proc_state state, uint64_t status, const char *cause);
/* The attention key was typed at the terminal that described process `terminal` drives: ends `program`, to
 * which it is given; if there is no such one, all programs of its shells; if there are none, these shells. A
 * shell is a described process that uses the terminal and starts programs. */
void attention(unsigned terminal, uint64_t program);
/* Asks mm for crashes and ends who crashed. */
void take_crashes(void);

/* --- power.c --- */

/* Tells those that asked for it, and switches the machine off or restarts it when they have finished. The
 * call is answered only if that fails; ERR_BUSY while it is under way. */
enum error power_begin(struct call *call, bool reboot);
/* Goes on with it when everybody has finished, or took too long; then power_due(), in ticks, has come. */
void power_run(void);
uint64_t power_due(void);

/* --- spawn.c --- */

/* Starts a program out of a segment of `parent`'s; what proc_spawn does. */
enum error spawn(const struct process *parent, cap_t segment, const struct proc_spawn_request *q,
                 struct proc_spawn_reply *r);

/* --- say.c: what programs log --- */

/* Adds lines of a process to its journal. */
void say(const struct process *process, const char *bytes, size_t length);
/* The process of that number is forgotten; what it said stays with what other ended ones said. */
void say_ended(uint64_t number);
/* What proc_said tells. */
enum error say_read(struct proc_said_request q, struct proc_said_reply *r);

/* --- query.c --- */

/* What proc_list and proc_caps tell. */
enum error query_process(uint64_t from, struct proc_list_reply *r);
enum error query_cap(const struct process *process, uint64_t from, struct proc_caps_reply *r);

/* --- text.c (portable) --- */

/* What a crash was, in words. `word` as in struct fault_message, `error` why the fault could not be handled.
 */
void crash_text(char *text, size_t size, uint64_t fault, const uint64_t word[6], uint64_t error);

/* --- guard.c --- */

/* Starts a thread that ends the machine with a clear line when mm or init itself faults. Returns the fault
 * endpoint for mm. */
cap_t guard_start(void);

/* --- serve.c --- */

/* Serves the protocol of processes for ever. */
void serve_processes(void) __attribute__((noreturn));

/* --- archive.c --- */

/* Whether the archive has a file of that name, be it damaged; for the description. */
bool archive_has(void *context, const char *name);
/* Finds a file; on failure *cause says in words why. */
bool archive_file(const char *name, const void **data, size_t *size, const char **cause);
/* Finds a program and checks it; on failure *cause says in words why. */
bool archive_program(const char *name, struct program *program, const char **cause);
