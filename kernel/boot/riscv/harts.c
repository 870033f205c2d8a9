/* SPDX-License-Identifier: MIT */
/* Setting harts up, and starting them. */
#include "harts.h"

#include "arch/riscv/csr.h"
#include "arch/riscv/image.h"
#include "arch/riscv/layout.h"
#include "arch/riscv/machine.h"
#include "arch/riscv/sbi.h"
#include "arch/riscv/start.h"
#include "boot/boot.h"
#include "boot/riscv/firmware.h"
#include "boot/riscv/intc.h"
#include "hart.h"
#include "log.h"

#define START_TIMEOUT_MS 1000 /* a busy emulator needs more than 100 */
_Static_assert(MAX_HARTS == STACKS_HARTS && MAX_HARTS == CPU_MAX, "each that is read has its stacks");

extern char _stacks[];

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
    csr_write(sie, IRQ_ALL);
}

/* First C code of a hart that was started. */
void hart_enter(void)
{
    __asm__ volatile("fence.i");
    hart_init();
    hart_join();
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
    struct sbi_result result = firmware_start_hart(id, image_physical(secondary_start));
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
    if (!firmware_has(SBI_HSM) || !firmware_has(SBI_IPI) || !firmware_has(SBI_RFENCE)) {
        log_line("only the boot hart is used: the firmware cannot start, interrupt or fence others");
        return;
    }
    for (uint32_t candidate = 1; candidate < machine.cpus.count; candidate++)
        start_one(candidate);
}
