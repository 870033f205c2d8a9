/* SPDX-License-Identifier: MIT */
/* Probes: threads that do one thing that may fault. */
#pragma once

#include "worker.h"

/* How a probe ended: it did what it should not have been able to, or it faulted. */
struct outcome {
    bool survived;
    uint32_t fault; /* enum fault */
    uint64_t
        word[MSG_REGS]; /* struct fault_message, or what the survivor tells: word 0 the value that it read */
};
/* Makes a worker for probes, below main's priority, whose faults come to main. */
void probe_make(struct worker *worker, uint32_t hart);
/* Starts it at `pc` with a0 = argument, a1 = the endpoint to call with PROBE_SURVIVED, and waits for its
 * end. */
struct outcome probe(struct worker *worker, const void *pc, uint64_t argument);
/* Waits for the end of a probe that runs already. */
struct outcome probe_wait(struct worker *worker);
/* The probe is to end within `us`; otherwise it is suspended and this returns false. */
bool probe_poll(struct worker *worker, uint64_t us, struct outcome *outcome);
/* Both. */
bool probe_within(struct worker *worker, const void *pc, uint64_t argument, uint64_t us,
                  struct outcome *outcome);
/* Starts it only. */
void probe_go(struct worker *worker, const void *pc, uint64_t argument);
/* Whether it was a page fault or an access fault for this access at this address. */
bool probe_refused(const struct outcome *outcome, uint64_t access, uint64_t address);
const char *fault_name(const struct outcome *outcome);

/* --- guest.S --- */

#define PROBE_SURVIVED 0x5afe

/* Code for probes: a0 an address, a1 the endpoint. */
extern const char probe_load[], probe_store[], probe_jump[];
/* a0 an address: reads it (writes a count to it, calls it) for ever. */
extern const char spin_load[], spin_store[], spin_call[];
