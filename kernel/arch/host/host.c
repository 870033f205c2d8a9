/* SPDX-License-Identifier: MIT */
/* arch.h for a host program: see host.h. */
#include "host.h"

#include "../../cap.h"
#include "../../log.h"

#include <stdarg.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char arena[HOST_ARENA_BYTES] __attribute__((aligned(1 << 21)));
char *host_arena = arena;
char *const arch_granule_base = arena;
uint64_t host_time, arch_timebase = 10000000;
struct host_machine host;

void host_harts_reset(uint32_t count)
{
    memset(harts, 0, sizeof(harts));
    hart_count = count;
    for (uint32_t i = 0; i < count; i++) {
        harts[i].index = harts[i].id = i;
        harts[i].online = true;
        harts[i].timer_deadline = ~0ull;
        harts[i].has_all = true; /* locks: events come one at a time */
        harts[i].lane_floor = harts[i].ready_top = harts[i].queue_top = -1;
    }
}

void host_reset(uint32_t count)
{
    memset(arena, 0xa5, sizeof(arena));
    memset(&host, 0, sizeof(host));
    host_time = 1;
    pause_over();
    steps_between_pauses = ~0u; /* a test says when */
    host_harts_reset(count);
}

struct hart *hart_self(void)
{
    return &harts[host.hart];
}

void *arch_direct(uint64_t physical)
{
    return arena + physical;
}

uint64_t arch_physical(const void *direct)
{
    return (uint64_t)((const char *)direct - arena);
}

uint64_t arch_time(void)
{
    return host_time;
}

void arch_set_timer(uint64_t deadline)
{
    host.timer = deadline;
}

/* The other harts never run by themselves, so what they are asked happens at once. */
void arch_send_ipi(struct hart *hart)
{
    host.ipis++;
    if (hart->evict)
        host.space[hart->index] = NULL;
    hart->evict = hart->called = false;
}

bool arch_interrupt_pending(void)
{
    if (host.pending_after && --host.pending_after == 0)
        return true;
    return host.interrupt_pending;
}

void arch_relax(void)
{
}

void arch_space_init(struct address_space *space)
{
    memset(&space->note, 0, sizeof(space->note));
}

void arch_space_switch(struct thread *thread)
{
    const struct address_space *space = thread ? thread->slot[THREAD_SPACE].object : NULL;

    host.switches += space != host.space[host.hart];
    host.space[host.hart] = space;
}

void arch_space_leave(const struct address_space *space)
{
    if (host.space[host.hart] == space)
        arch_space_switch(NULL);
}

void arch_space_flush_page(struct address_space *space, uint64_t address)
{
    (void)space;
    (void)address;
    host.flushes++;
}

bool arch_space_elsewhere(const struct address_space *space)
{
    return space->note.users >> 1 & ~(1ull << host.hart);
}

void arch_space_forget_page(uint64_t address)
{
    (void)address;
    host.flushes++;
}

void arch_space_flush(struct address_space *space)
{
    (void)space;
    host.flushes++;
}

void arch_instruction_fence(struct address_space *space)
{
    (void)space;
    host.fences++;
}

void arch_fp_leave(void)
{
}

void arch_fp_save(void)
{
    struct hart *hart = hart_self();

    if (hart->fp_owner)
        hart->fp_owner->fp_hart = NULL;
    hart->fp_owner = NULL;
}

void arch_fp_enter(struct thread *thread)
{
    (void)thread;
}

bool arch_fp_first_use(struct thread *thread)
{
    (void)thread;
    return false;
}

uint32_t arch_irq_lines(void)
{
    return 64;
}

bool arch_irq_configure(uint32_t line, uint64_t trigger)
{
    if (line == HOST_LINE_WITHOUT_HART)
        return false;
    host.trigger[line] = trigger;
    return true;
}

void arch_irq_enable(uint32_t line, struct hart *hart)
{
    host.enabled[line] = hart->index + 1;
}

/* It completes what was claimed. */
void arch_irq_disable(uint32_t line)
{
    if (host.claimed[line])
        arch_irq_complete(line);
    host.enabled[line] = 0;
}

void arch_irq_set_priority(uint32_t line, uint32_t priority)
{
    host.priority[line] = priority;
}

uint32_t arch_irq_claim(void)
{
    uint32_t line = host.claim;

    host.claim = 0;
    host.claimed[line] = line != 0;
    return line;
}

void arch_irq_complete(uint32_t line)
{
    host.claimed[line] = false;
    host.completed[line]++;
}

void arch_poweroff(void)
{
    if (!host.stays_on)
        exit(0);
}

void arch_reboot(void)
{
    if (!host.stays_on)
        exit(2);
}

void arch_fail(void)
{
    exit(1);
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(host.log, sizeof(host.log), format, arguments);
    va_end(arguments);
}

size_t log_bytes(const char *bytes, size_t count)
{
    unsigned room = sizeof(host.log) - host.log_used;
    const char *newline = memchr(bytes, '\n', count);

    count = newline ? (size_t)(newline + 1 - bytes) : count;
    memcpy(host.log + host.log_used, bytes, count < room ? count : room);
    host.log_used += count < room ? count : room;
    return count;
}

bool log_echo(void)
{
    return host.echo && --host.echo;
}

size_t log_read(uint64_t position, char *buffer, size_t size, uint64_t *next)
{
    size_t left = position < host.log_used ? host.log_used - position : 0;

    size = size < left ? size : left;
    if (size)
        memcpy(buffer, host.log + position, size);
    *next = position + size;
    return size;
}

uint64_t log_end(void)
{
    return host.log_used;
}

void log_set_echo(int on)
{
    (void)on;
}
