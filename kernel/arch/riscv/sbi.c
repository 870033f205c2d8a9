/* SPDX-License-Identifier: MIT */
/* Calls to the firmware. */
#include "sbi.h"

#include "arch.h"
#include "csr.h"
#include "image.h"
#include "log.h"
#include "machine.h"

enum srst_type { SRST_SHUTDOWN, SRST_COLD_REBOOT };
enum srst_reason { SRST_NO_REASON, SRST_SYSTEM_FAILURE };

#define SBI_LEGACY_SET_TIMER 0
#define SBI_LEGACY_PUTCHAR   1
#define DBCN_WRITE           0

#define TEST_DEVICE_FAIL     0x3333 /* QEMU's sifive,test0: the upper half is the exit status */

#define LINE_SIZE            128

bool sbi_has_console;

static struct {
    uint32_t used;
    char line[LINE_SIZE];
} console;

struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[5])
{
    register uint64_t a0 __asm__("a0") = argument[0];
    register uint64_t a1 __asm__("a1") = argument[1];
    register uint64_t a2 __asm__("a2") = argument[2];
    register uint64_t a3 __asm__("a3") = argument[3];
    register uint64_t a4 __asm__("a4") = argument[4];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

void sbi_set_timer(uint64_t deadline)
{
    if (machine.has_sbi_time)
        sbi(SBI_TIME, 0, deadline);
    else
        sbi(SBI_LEGACY_SET_TIMER, 0, deadline);
}

void sbi_send_ipi(uint64_t hart_id)
{
    sbi(SBI_IPI, 0, 1, hart_id);
}

/* One call per hart: hart ids may lie further apart than a mask reaches. */
void sbi_remote_fence(enum sbi_fence function, uint64_t mask, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < hart_count; i++)
        if (mask >> i & 1)
            sbi(SBI_RFENCE, function, 1, harts[i].id, address, size);
}

/* With DBCN, one call per line; the firmware wants a physical address. */
void arch_putchar(char c)
{
    if (!sbi_has_console) {
        sbi(SBI_LEGACY_PUTCHAR, 0, (uint8_t)c);
        return;
    }
    console.line[console.used++] = c;
    if (c != '\n' && console.used < LINE_SIZE)
        return;
    uint64_t from = image_physical(console.line);
    for (uint64_t end = from + console.used; from < end;) {
        struct sbi_result result = sbi(SBI_DBCN, DBCN_WRITE, end - from, from, 0);
        if (result.error != 0)
            break;
        from += result.value;
    }
    console.used = 0;
}

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
