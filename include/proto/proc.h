/* SPDX-License-Identifier: MIT */
/* The protocol of init, the supervisor: processes and power. Processes are named by number, which is never
 * used again. */
#pragma once

#include <proto/proto.h>

struct proc_exit_request {
    uint64_t status;
}; /* no answer: the process is gone */

/* Starts a program as a process with what the description lets programs of this client have (`programs` in
 * its node). + capability: segment that holds the ELF file at 0 and, from args_offset on, the arguments (the
 * first is the name of the program) and NAME=VALUE of the environment, each terminated. */
struct proc_spawn_request {
    uint64_t image_length;
    uint64_t args_offset, args_length;
    uint64_t arg_count;
};
struct proc_spawn_reply {
    uint64_t process;
    char cause[112]; /* ERR_BAD_PROGRAM: what is wrong with the file, in words */
};

struct proc_request {
    uint64_t process;
}; /* proc_watch: + capability: notification, signalled when the process has ended */

enum proc_state {
    PROC_STARTING,
    PROC_RUNNING,
    PROC_EXITED,
    PROC_CRASHED,
    PROC_KILLED,
    PROC_FAILED /* did not start */
};

/* How a started program ended; asking forgets it. ERR_BUSY while it runs. */
struct proc_status_reply {
    uint64_t state;
    uint64_t status;   /* PROC_EXITED: its exit status */
    char cause[112];   /* PROC_CRASHED: what it did, in words */
};

/* The processes one by one: the first whose number is not below `process`. ERR_NOT_FOUND after the last. */
struct proc_list_reply {
    uint64_t process;
    char name[16];
    uint64_t state;        /* enum proc_state */
    uint64_t thread_state; /* enum thread_state */
    uint64_t running;      /* 1: on a hart right now */
    uint64_t priority, hart;
    uint64_t cpu_time;     /* ticks */
    uint64_t memory, quota;/* bytes; quota 0: no limit */
    uint64_t restarts;
    uint64_t parent;       /* that spawned it; 0: from the description */
    /* Of its thread, ticks from being woken to waiting again. deadline 0: none, and the rest is 0. */
    uint64_t deadline, handled, missed, total_latency, worst_latency;
};

/* The capabilities of a process one by one: the first in a slot not below `slot`. ERR_NOT_FOUND after the
 * last. */
struct proc_caps_request {
    uint64_t process;
    uint64_t slot;
};
struct proc_caps_reply {
    uint64_t slot;
    uint64_t type, rights, badge, size_bits;
    uint64_t object;   /* number that stands for the object */
    char target[24];   /* what it is for, where init knows: "fs", "console", "log" */
};

enum proc_power { PROC_POWEROFF, PROC_REBOOT };
struct proc_power_request {
    uint64_t action;
};

/* proc_power_watch: + capability: notification, signalled before the machine is switched off or restarted.
 * That waits then, 10 s at most, until the caller has said proc_power_ready. */

/* Lines for the log: init puts time and name before each. */
#define PROC_SAY_BYTES 480
struct proc_say_request {
    uint64_t length;
    char bytes[PROC_SAY_BYTES];
};

/* What programs have logged, by journals from 0 on: whole lines from `position` on (0: from the oldest).
 * ERR_NOT_FOUND after the last journal; length 0 at the end of one. */
struct proc_said_request {
    uint64_t journal, position;
};
struct proc_said_reply {
    uint64_t position; /* to go on from */
    uint64_t length;
    char bytes[496];
};

/* What the description limits a client of this server to, text by text (`limits` in its node). ERR_NOT_FOUND:
 * there is no n-th, or no such process. */
struct proc_limits_request {
    uint64_t process;
    uint64_t n;
};
struct proc_limits_reply {
    char text[128];
};

/* proc_attention: the key that no program can take was typed. Ends the program that has the terminal
 * (`process`; 0: nobody knows of one, and all programs of the shell), or the shell, which is started anew,
 * where no program runs. */

/* A further thread of the caller's: in its address space and CNode, of its priority, with as much time as the
 * first. The caller starts it with THREAD_START; what it is made of counts as the caller's memory.
 * ERR_DENIED: the description limits the caller's time, which is that of one thread. */
#define PROC_MAX_THREADS 32 /* of a process, besides the first; they are not given back */
#define PROC_ANY_HART    (~0ull)
struct proc_thread_request {
    uint64_t hart; /* counted from the one that booted; PROC_ANY_HART: init chooses */
    uint64_t message_page; /* address of a page of the caller's, for struct msg_page */
};
struct proc_thread_reply {
    uint64_t hart;
}; /* + capabilities: thread, scheduling context */

#define PROC_OPS(OP)                                                                                         \
    OP(proc, 1, exit, struct proc_exit_request, struct proto_empty, PROC_SELF, (), ())                       \
    OP(proc, 2, spawn, struct proc_spawn_request, struct proc_spawn_reply, PROC_SPAWN, (SEGMENT), ())        \
    OP(proc, 3, watch, struct proc_request, struct proto_empty, PROC_SPAWN, (NOTIFICATION), ())              \
    OP(proc, 4, status, struct proc_request, struct proc_status_reply, PROC_SPAWN, (), ())                   \
    OP(proc, 5, kill, struct proc_request, struct proto_empty, PROC_SPAWN, (), ())                           \
    OP(proc, 6, list, struct proc_request, struct proc_list_reply, PROC_INSPECT, (), ())                     \
    OP(proc, 7, caps, struct proc_caps_request, struct proc_caps_reply, PROC_INSPECT, (), ())                \
    OP(proc, 8, power, struct proc_power_request, struct proto_empty, PROC_POWER, (), ())                    \
    OP(proc, 9, attention, struct proc_request, struct proto_empty, PROC_ATTENTION, (), ())                  \
    OP(proc, 10, say, struct proc_say_request, struct proto_empty, PROC_SELF, (), ())                        \
    OP(proc, 11, said, struct proc_said_request, struct proc_said_reply, PROC_INSPECT, (), ())               \
    OP(proc, 12, thread, struct proc_thread_request, struct proc_thread_reply, PROC_SELF, (),                \
       (THREAD, CONTEXT))                                                                                    \
    OP(proc, 13, power_watch, struct proto_empty, struct proto_empty, PROC_SELF, (NOTIFICATION), ())         \
    OP(proc, 14, power_ready, struct proto_empty, struct proto_empty, PROC_SELF, (), ())               \
    OP(proc, 15, limits, struct proc_limits_request, struct proc_limits_reply, PROC_SELF, (), ())
PROTO_CLIENT(PROC_OPS)
