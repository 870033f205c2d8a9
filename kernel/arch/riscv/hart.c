/* SPDX-License-Identifier: MIT */
/* Harts: their start, their clock, and how they call each other. */
#include "boot.h"
#include "kernel.h"
#include "log.h"
#include "csr.h"
#include "ipc.h"
#include "layout.h"
#include "machine.h"
#include "sbi.h"

#define START_TIMEOUT_MS 1000      /* a busy emulator needs more than 100 */
#define MAX_ATTEMPTS     MAX_HARTS /* known to head.S as STACKS_HARTS */
_Static_assert(MAX_HARTS == STACKS_HARTS && MAX_HARTS == CPU_MAX, "each that is read has its stacks");

/* What a cell of start_attempt[] holds: see secondary_start. */
enum attempt { ATTEMPT_OVER, ATTEMPT_WELCOME, ATTEMPT_TAKEN };

uint32_t start_attempt[MAX_ATTEMPTS];
uint32_t start_id[MAX_ATTEMPTS]; /* the hart that each is for */
struct hart *starting_hart;

static uint32_t stopper; /* index of the hart that stops all others, plus 1 */
static bool released;    /* the harts that were started may run threads */

extern char _stacks[];

void arch_set_timer(uint64_t deadline)
{
    if (machine.has_sstc)
        csr_write(0x14d, deadline);
    else
        sbi_set_timer(deadline);
}

void arch_send_ipi(struct hart *hart)
{
    if (hart != hart_self())
        sbi_send_ipi(hart->id);
}

void arch_relax(void)
{
    if (stop_requested())
        hart_stop();
    __asm__ volatile(".insn 0x0100000f" : : : "memory"); /* pause: a fence that does nothing on older harts */
}

void hart_stop(void)
{
    csr_write(sie, 0);
    for (;;)
        __asm__ volatile("wfi");
}

bool stop_requested(void)
{
    uint32_t first = __atomic_load_n(&stopper, __ATOMIC_RELAXED);

    return first && first != hart_self()->index + 1;
}

bool harts_stop_others(void)
{
    struct hart *self = hart_self();
    uint32_t nobody = 0;

    if (!__atomic_compare_exchange_n(&stopper, &nobody, self->index + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return nobody == self->index + 1;
    for (uint32_t i = 0; i < hart_count; i++)
        if (harts[i].online)
            arch_send_ipi(&harts[i]);
    return true;
}

void hart_prepare(uint32_t index, uint32_t id)
{
    struct hart *hart = &harts[index];
    char *stacks = _stacks + index * STACKS_STRIDE;

    hart->index = index;
    hart->id = id;
    hart->lane_floor = hart->ready_top = hart->queue_top = -1;
    hart->stack_top = (uint64_t)(stacks + STACK_TOP_OFFSET);
    hart->emergency_stack_top = (uint64_t)(stacks + STACKS_STRIDE);
}

void hart_init(void)
{
    uint64_t counters = boot_option("counters") ? COUNTER_CYCLE | COUNTER_INSTRET : 0;

    csr_write(scounteren, COUNTER_TIME | counters);
    if (machine.cpus.has_zicbom)
        csr_write(0x10a /* senvcfg */, ENVCFG_CBCFE);
    hart_self()->timer_deadline = UINT64_MAX;
    arch_set_timer(UINT64_MAX);
    intc_hart_init();
    csr_write(sie, IRQ_SOFTWARE | IRQ_TIMER | IRQ_EXTERNAL);
}

/* First C code of a hart that was started. It sleeps until the boot is over: spinning for the lock all that
 * time would slow the boot hart down where harts share a processor, as they do in an emulator. */
void hart_enter(void)
{
    __asm__ volatile("fence.i");
    hart_init();
    __atomic_store_n(&hart_self()->online, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
        __asm__ volatile("wfi");
    fence_translations(); /* for kernel_boot_drop() */
    kernel_lock();
    hart_run();
}

static bool wait_online(const struct hart *hart)
{
    uint64_t end = arch_time() + arch_timebase / 1000 * START_TIMEOUT_MS;

    while (!__atomic_load_n(&hart->online, __ATOMIC_ACQUIRE)) {
        if (arch_time() >= end)
            return false;
        arch_relax();
    }
    return true;
}

/* Starts machine.cpus.cpu[candidate] as the next of harts[]. A hart that comes after its time finds its
 * attempt over. */
static void start_one(uint32_t candidate)
{
    struct hart *hart = &harts[hart_count];
    uint32_t id = machine.cpus.cpu[candidate].id;

    hart_prepare(hart_count, id);
    intc_hart_is(hart, candidate);
    starting_hart = hart;
    start_id[candidate] = id;
    __atomic_store_n(&start_attempt[candidate], ATTEMPT_WELCOME, __ATOMIC_RELEASE);
    struct sbi_result result = sbi_hart_start(id, image_physical(secondary_start));
    if (result.error) {
        log_line("hart %u cannot be started: SBI error %ld", id, result.error);
        return;
    }
    if (!wait_online(hart) &&
        __atomic_exchange_n(&start_attempt[candidate], ATTEMPT_OVER, __ATOMIC_ACQ_REL) == ATTEMPT_WELCOME) {
        log_line("hart %u did not start within %d ms and is not used", id, START_TIMEOUT_MS);
        return;
    }
    while (!__atomic_load_n(&hart->online, __ATOMIC_ACQUIRE))
        arch_relax();
    hart_count++;
}

void harts_start(void)
{
    if (machine.cpus.unused)
        log_line("%u harts are not used: the kernel runs on %d at most", machine.cpus.unused, MAX_HARTS);
    if (machine.cpus.count == 1)
        return;
    if (!sbi_has(SBI_HSM) || !sbi_has(SBI_IPI) || !sbi_has(SBI_RFENCE)) {
        log_line("only the boot hart is used: the firmware cannot start, interrupt or fence others");
        return;
    }
    for (uint32_t candidate = 1; candidate < machine.cpus.count; candidate++)
        start_one(candidate);
}

void harts_release(void)
{
    kernel_boot_drop();
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    for (uint32_t i = 1; i < hart_count; i++)
        arch_send_ipi(&harts[i]);
    hart_run();
}
