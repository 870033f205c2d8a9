/* SPDX-License-Identifier: MIT */
/*
 * The memory manager's protocol. It is served on each hart by a receiver with an endpoint of its own. All
 * do the same, but what a process asks of the one on its own hart goes through without waiting for others.
 *
 * A session is for one space: a process's address space and its memory quota. A segment is memory that can
 * be mapped in several spaces; the capability that stands for it is an endpoint capability to mm that only
 * mm can make, and whoever holds one may map it.
 *
 * The number of a space is the client number of its sessions. 0 and 1 are the space of init, whose pages mm
 * maps at once because nobody handles init's page faults. What a space uses is counted in the chunks that
 * it holds: 64 KiB and up, with all that is in them (pages, page tables, kernel objects, and what is not
 * used yet).
 */
#pragma once

#include <proto/proto.h>

enum mm_prot { MM_READ = 1, MM_WRITE = 2, MM_EXEC = 4 }; /* never WRITE and EXEC at once */

/* `space` in requests: 0 is the session's own; another one needs PROTO_MANAGE. Sizes in bytes, whole pages.
 * */

struct mm_map_request {
    uint64_t space;
    uint64_t address; /* page-aligned; 0: mm chooses */
    uint64_t length;
    uint64_t prot;
};
struct mm_map_reply {
    uint64_t address;
};

/* What is long goes in steps: the reply says how many bytes from `address` on are done. If that is
 * less than was asked for, ask again for the rest; who is more urgent is served in between. */
struct mm_range_request {
    uint64_t space;
    uint64_t address;
    uint64_t length;
};
struct mm_range_reply {
    uint64_t length;
};

enum mm_segment_flags {
    MM_SEGMENT_CONTIGUOUS = 1, /* in one piece of physical memory whose address is told; needs MM_DMA */
};
struct mm_segment_create_request {
    uint64_t space; /* whose quota pays, and with whom it ends */
    uint64_t length;
    uint64_t flags;
};
struct mm_segment_create_reply {
    uint64_t length;   /* rounded up to pages */
    uint64_t physical; /* MM_SEGMENT_CONTIGUOUS */
}; /* + capability: the segment */

/* A segment of device registers; needs MM_DMA. Capabilities: up to 4 frames in ascending order. */
struct mm_segment_device_request {
    uint64_t length;
}; /* reply: + capability: the segment */

struct mm_segment_map_request {
    uint64_t space;
    uint64_t address; /* 0: mm chooses */
    uint64_t offset;
    uint64_t length;
    uint64_t prot;
}; /* + capability: the segment. mm_segment_drop takes it likewise: the session's own space needs the segment
    * no longer, so its memory comes back as soon as nobody maps it. */

/* mm_populate: makes the pages of a mapped range present. A server does that with what a client gave
 * it before it uses it: the pages are charged to the segment's owner, and if he has no memory for them
 * the server hears of it by an error, not by a fault. They stay until the server unmaps them or the
 * owner ends. */

/* mm_discard: what the pages of a mapped range hold is needed no longer, so their memory comes back; the next
 * touch finds zeros. Not of segments, which others may have mapped: ERR_BAD_ARG. */

struct mm_object_request {
    uint64_t space; /* whose quota pays */
    uint64_t type;  /* enum object_type: CNode, thread, scheduling context, endpoint, notification, reply,
                     * timer */
    uint64_t size_bits; /* CNode only */
}; /* reply: + capability with all rights */

/* The frame behind one page of a space, which may write there; made present: for message pages. */
struct mm_frame_request {
    uint64_t space;
    uint64_t address;
}; /* reply: + capability: a copy that is not mapped, without RIGHT_DMA */

struct mm_stats_reply {
    uint64_t total, free;        /* of the machine, bytes */
    uint64_t kernel;             /* given to kernel objects and page tables by mm, bytes */
    uint64_t spaces;
    uint64_t faults;             /* page faults handled */
    uint64_t used, quota, peak;  /* of this session's space, bytes */
};

struct mm_space_create_request {
    char name[16];
    uint64_t quota;  /* bytes */
    uint64_t rights; /* of the session that is returned */
    uint64_t hart;   /* on which it runs: the receiver there serves it. Counted from the one that booted */
};
struct mm_space_create_reply {
    uint64_t space; /* its number, never used again */
}; /* + capabilities: session, address space, fault endpoint */

/* mm_space_destroy goes in steps: ERR_BUSY asks for the next. */
struct mm_space_request {
    uint64_t space;
};
struct mm_space_stats_reply {
    uint64_t used, quota, peak, faults;
};

/* What the oldest not yet told crash was: a fault that mm could not handle. ERR_NOT_FOUND when there is
 * none. */
struct mm_crash_reply {
    uint64_t space;
    uint64_t fault;     /* enum fault */
    uint64_t word[6];   /* struct fault_message */
    uint64_t error;     /* why mm gave up: ERR_BAD_ADDRESS, ERR_QUOTA, ERR_NO_MEMORY, ERR_NO_RIGHT */
};

#define MM_OPS(OP)                                                                                           \
    OP(mm, 1, map, struct mm_map_request, struct mm_map_reply, MM_USE, (), ())                               \
    OP(mm, 2, unmap, struct mm_range_request, struct mm_range_reply, MM_USE, (), ())                         \
    OP(mm, 3, segment_create, struct mm_segment_create_request, struct mm_segment_create_reply, MM_USE,      \
       (), (SEGMENT))                                                                                        \
    OP(mm, 4, segment_device, struct mm_segment_device_request, struct proto_empty, MM_DMA,                  \
       (FRAME, OPTIONAL(FRAME), OPTIONAL(FRAME), OPTIONAL(FRAME)), (SEGMENT))                                \
    OP(mm, 5, segment_map, struct mm_segment_map_request, struct mm_map_reply, MM_USE, (SEGMENT), ())        \
    OP(mm, 6, object, struct mm_object_request, struct proto_empty, MM_USE, (), (OBJECT))                    \
    OP(mm, 7, stats, struct proto_empty, struct mm_stats_reply, MM_USE, (), ())                              \
    OP(mm, 8, segment_drop, struct proto_empty, struct proto_empty, MM_USE, (SEGMENT), ())                   \
    OP(mm, 9, populate, struct mm_range_request, struct mm_range_reply, MM_USE, (), ())                      \
    OP(mm, 10, discard, struct mm_range_request, struct mm_range_reply, MM_USE, (), ())                      \
    OP(mm, 16, space_create, struct mm_space_create_request, struct mm_space_create_reply, PROTO_MANAGE,     \
       (), (SESSION, SPACE, SESSION))                                                                        \
    OP(mm, 17, space_destroy, struct mm_space_request, struct proto_empty, PROTO_MANAGE, (), ())             \
    OP(mm, 18, space_stats, struct mm_space_request, struct mm_space_stats_reply, PROTO_MANAGE, (), ())      \
    OP(mm, 19, crash, struct proto_empty, struct mm_crash_reply, PROTO_MANAGE, (), ())                       \
    OP(mm, 20, frame, struct mm_frame_request, struct proto_empty, PROTO_MANAGE, (), (FRAME))
PROTO_CLIENT(MM_OPS)
