/* SPDX-License-Identifier: MIT */
/* Interrupt lines. */
#include "lines.h"

#define MAX_LINES 256

static struct line {
    uint32_t number;
    unsigned device;
    cap_t handler;
    uint64_t deadline; /* ticks; 0: none */
} lines[MAX_LINES];
static unsigned line_count;

enum error line_handler(uint32_t number, uint32_t trigger, unsigned device, cap_t *handler)
{
    for (unsigned i = 0; i < line_count; i++) {
        if (lines[i].number == number && lines[i].device == device) {
            *handler = lines[i].handler;
            return ERR_OK;
        }
    }
    cap_t slot = line_count < MAX_LINES ? slot_alloc() : 0;
    if (slot == 0)
        return ERR_TOO_MANY;
    uint64_t argument[] = {number, 0, slot, trigger};
    enum error error = kernel_call(rt_cap("irq"), OP_IRQ_CONTROL_GET, argument, 4, NULL, 0);
    if (error) {
        slot_release(slot);
        return error;
    }
    lines[line_count++] = (struct line){number, device, slot, 0};
    *handler = slot;
    return ERR_OK;
}

enum error line_set_deadline(cap_t handler, uint64_t deadline_us)
{
    const uint64_t ticks = rt_ticks_of_us(deadline_us);
    enum error error = kernel_call(handler, OP_IRQ_HANDLER_SET_DEADLINE, &ticks, 1, NULL, 0);

    for (unsigned i = 0; !error && i < line_count; i++) {
        if (lines[i].handler == handler)
            lines[i].deadline = ticks;
    }
    return error;
}

void lines_release(unsigned device)
{
    for (unsigned i = 0; i < line_count; i++) {
        if (lines[i].device == device) {
            /* Unbinding acknowledges what is pending. */
            kernel_call(lines[i].handler, OP_IRQ_HANDLER_UNBIND, NULL, 0, NULL, 0);
            cnode_revoke(START_CNODE, lines[i].handler);
        }
    }
}

enum error line_statistics(uint64_t n, struct dev_irq_stats_reply *reply, unsigned *device)
{
    uint64_t result[7];

    if (n >= line_count)
        return ERR_NOT_FOUND;
    enum error error = kernel_call(lines[n].handler, OP_IRQ_HANDLER_INFO, NULL, 0, result, 7);
    if (error)
        return error;
    reply->line = result[0];
    reply->count = result[1];
    reply->acknowledged = result[2];
    reply->missed = result[3];
    reply->total_latency = result[4];
    reply->worst_latency = result[5];
    reply->hart = result[6];
    reply->deadline = lines[n].deadline;
    *device = lines[n].device;
    return ERR_OK;
}
