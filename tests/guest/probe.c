/* SPDX-License-Identifier: MIT */
/* Probes: see probe.h. */
#include "probe.h"

#include <abi/fault.h>
#include <string.h>

static cap_t probe_endpoint;

void probe_make(struct worker *worker, uint32_t hart)
{
    if (!probe_endpoint)
        probe_endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    worker->hart = hart;
    worker->fault = probe_endpoint;
    worker_make(worker);
}

/* Takes a message of the probe as its outcome and leaves it stopped. */
static struct outcome probe_end(struct worker *worker, const struct msg *m)
{
    struct outcome outcome = {.survived = !(m->tag & TAG_FAULT), .fault = tag_label(m->tag)};
    struct msg refuse = {.tag = tag_make(ERR_DENIED, 0, 0)};

    memcpy(outcome.word, m->word, sizeof(outcome.word));
    if (outcome.survived)
        must(worker_suspend(worker), "suspend a probe");
    else
        must(sys_msg(SYS_REPLY, 0, &refuse), "leave a probe as it is");
    return outcome;
}

struct outcome probe_wait(struct worker *worker)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, probe_endpoint, &m);
    return probe_end(worker, &m);
}

bool probe_poll(struct worker *worker, uint64_t us, struct outcome *outcome)
{
    uint64_t end = rt_ticks() + rt_ticks_of_us(us);
    struct msg m;

    do {
        m = (struct msg){.tag = 0};
        if (sys_msg(SYS_TRY_RECV, probe_endpoint, &m) != ERR_WOULD_BLOCK) {
            *outcome = probe_end(worker, &m);
            return true;
        }
        sleep_us(20);
    } while (rt_ticks() < end);
    must(worker_suspend(worker), "suspend a probe");
    return false;
}

void probe_go(struct worker *worker, const void *pc, uint64_t argument)
{
    must(worker_start(worker, (uint64_t)pc, 0, argument, probe_endpoint), "start a probe");
}

bool probe_within(struct worker *worker, const void *pc, uint64_t argument, uint64_t us,
                  struct outcome *outcome)
{
    probe_go(worker, pc, argument);
    return probe_poll(worker, us, outcome);
}

struct outcome probe(struct worker *worker, const void *pc, uint64_t argument)
{
    probe_go(worker, pc, argument);
    return probe_wait(worker);
}

bool probe_refused(const struct outcome *outcome, uint64_t access, uint64_t address)
{
    const struct fault_message *fault = (const struct fault_message *)outcome->word;

    return !outcome->survived && (outcome->fault == FAULT_PAGE || outcome->fault == FAULT_ACCESS) &&
           fault->access == access && fault->address == address;
}

const char *fault_name(const struct outcome *outcome)
{
    static const char *const name[] = {
#define FAULT(number, name, text) [number] = text,
        FAULT_LIST(FAULT)
#undef FAULT
    };

    if (outcome->survived)
        return "survived";
    return outcome->fault < sizeof(name) / sizeof(name[0]) && name[outcome->fault] ? name[outcome->fault]
                                                                                   : "?";
}
