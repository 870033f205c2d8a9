/* SPDX-License-Identifier: MIT */
/* The boot, in order. */
#include "arch/riscv/machine.h"
#include "arch/riscv/sbi.h"
#include "boot.h"
#include "ipc.h"
#include "kernel.h"
#include "log.h"

#define CARDEA_VERSION "0.1"

extern char _image_start[], _boot_end[], _image_end[];

void boot_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list("cannot boot: ", format, arguments);
    va_end(arguments);
    arch_fail();
}

static void note_image(void)
{
    boot_state.boot_time = arch_time();
    boot_state.boot_code = (struct range){image_physical(_image_start), image_physical(_boot_end)};
    boot_state.image = (struct range){image_physical(_boot_end), image_physical(_image_end)};
    boot_state.kernel_bytes = boot_state.image.end - boot_state.image.start;
}

static const char *yes(bool has, const char *text)
{
    return has ? text : "";
}

/* Not a word too many: the firmware takes longer to print this than anything else of the boot does. */
static void log_machine(void)
{
    struct sbi_firmware firmware;

    sbi_firmware_read(&firmware);
    log_line("%lu MiB, hart %u of %u, %s%s%s, %s %lu.%lu", range_total(&boot_state.memory) >> 20, harts[0].id,
             hart_count, intc_name(machine.intcs.intc[0].kind), yes(machine.has_sstc, ", Sstc"),
             yes(machine.cpus.has_fp, ", FP"), sbi_implementation_name(firmware.implementation),
             firmware.version >> 16, firmware.version & 0xffff);
}

/* The first C code: head.S made a stack, cleared .bss and mapped the image and the device tree. */
void __attribute__((noreturn)) kernel_main(uint32_t hart_id, uint64_t device_tree)
{
    hart_prepare(0, hart_id);
    hart_count = 1;
    harts[0].online = true;
    sbi_console_init();
    note_image();
    log_line("Cardea " CARDEA_VERSION);
    machine_begin(hart_id);
    boot_read_tree(device_tree);
    machine_probe();
    kernel_tables_make();
    irq_init();
    hart_init();
    kernel_lock();
    harts_start();
    log_machine();
    selftest_crash();
    if (boot_option("selftest"))
        selftest_run();
    lanes_off = boot_option("nolanes");
    boot_make_init();
    harts_release();
}
