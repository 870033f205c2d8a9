/* SPDX-License-Identifier: MIT */
/*
 * A pair of queues in memory that two processes share: the client submits requests, the server completes
 * them, in any order. Single producer, single consumer per queue; no locks. Each side keeps its own indexes
 * privately too and trusts nothing that the other wrote: indexes and entries are copied once and
 * range-checked.
 *
 * Sleeping: before a side waits for its notification it sets its `sleeping` flag, then looks at the queue
 * once more; the other side, after it made entries visible, looks at the flag and signals only if it is set.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RING_MAX_ENTRIES 1024

struct ring_request {
    uint32_t op;
    uint32_t length;   /* bytes */
    uint64_t offset;   /* of the buffer in the shared data area */
    uint64_t position; /* on the medium, in the protocol's unit */
    uint64_t cookie;   /* comes back with the completion */
};

struct ring_completion {
    uint64_t cookie;
    uint32_t status;   /* enum error */
    uint32_t length;   /* bytes transferred */
};

/* The shared part. Followed by `entries` requests and then `entries` completions. */
struct ring {
    _Alignas(64) uint32_t submit_head;   /* written by the client: requests made */
    uint32_t client_sleeping;
    _Alignas(64) uint32_t complete_head; /* written by the server: completions made */
    uint32_t server_sleeping;
    _Alignas(64) uint32_t entries;       /* written once by the server; informative only */
    struct ring_request request[] __attribute__((aligned(64)));
};

/* One side's private view. */
struct ring_side {
    struct ring *shared;
    struct ring_request *request;
    struct ring_completion *completion;
    uint32_t entries;     /* power of two */
    uint32_t made, taken; /* free-running counts of this side: what it put in, what it took out */
    uint32_t published;   /* of `made`, what the other side has been shown */
};

/* Bytes of shared memory that a ring of `entries` (power of two, at most RING_MAX_ENTRIES) takes. */
uint64_t ring_bytes(uint32_t entries);
/* Server: clears the shared memory and opens its side. */
void ring_server_init(struct ring_side *side, void *memory, uint32_t entries);
/* Client: opens its side of a ring that the server initialised. */
void ring_client_init(struct ring_side *side, void *memory, uint32_t entries);

/* Client. At most `entries` requests are under way: ring_submit is false when that many are. Not visible
 * before ring_submit_publish, which returns whether the server must be signalled. */
bool ring_submit(struct ring_side *side, const struct ring_request *request);
bool ring_submit_publish(struct ring_side *side);
bool ring_take_completion(struct ring_side *side, struct ring_completion *completion);
/* Server. ring_complete cannot fail for requests that were taken. ring_take_request is false when there is
 * none, and when the client's index makes no sense (then *broken is set: end the session). */
bool ring_take_request(struct ring_side *side, struct ring_request *request, bool *broken);
void ring_complete(struct ring_side *side, const struct ring_completion *completion);
bool ring_complete_publish(struct ring_side *side);
/* Both: says that this side is about to sleep; true when something came meanwhile and it must not. */
bool ring_client_sleep(struct ring_side *side);
bool ring_server_sleep(struct ring_side *side);
void ring_client_wake(struct ring_side *side);
void ring_server_wake(struct ring_side *side);
