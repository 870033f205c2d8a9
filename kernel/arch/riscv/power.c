/* SPDX-License-Identifier: MIT */
/* The end of the machine, by its firmware (RISC-V Supervisor Binary Interface Specification 2.0, chapter
 * 10). */
#include "csr.h"
#include "log.h"
#include "machine.h"
#include "sbi.h"
#include "stop.h"

#define TEST_DEVICE_FAIL 0x3333 /* QEMU's sifive,test0: the upper half is the exit status */

/* What the firmware was given for the console may still be in the UART's FIFO: 64 bytes take 6 ms at
 * 115200 baud. */
static void end_machine(enum srst_type type, enum srst_reason reason)
{
    uint64_t end = arch_time() + arch_timebase / 100;

    csr_write(sie, IRQ_TIMER);
    arch_set_timer(end);
    while (arch_time() < end)
        __asm__ volatile("wfi");
    sbi(SBI_SRST, 0, type, reason);
    csr_write(sie, IRQ_ALL);
}

void arch_poweroff(void)
{
    end_machine(SRST_SHUTDOWN, SRST_NO_REASON);
}

void arch_reboot(void)
{
    end_machine(SRST_COLD_REBOOT, SRST_NO_REASON);
}

void arch_fail(void)
{
    /* OpenSBI turns a failure into QEMU's exit status 0, so the device that ends the emulator is told. */
    if (machine.test_device)
        *(volatile uint32_t *)arch_direct(machine.test_device) = TEST_DEVICE_FAIL | 1 << 16;
    if (machine.off_after_failure)
        end_machine(SRST_SHUTDOWN, SRST_SYSTEM_FAILURE);
    log_set_echo(1);
    log_line("halted");
    harts_stop_others();
    hart_stop();
}
