/* SPDX-License-Identifier: MIT */
/* The boot, in order. */
#include "arch/riscv/machine.h"
#include "arch/riscv/sbi.h"
#include "boot.h"
#include "log.h"
#include "version.h"

extern char _image_start[], _image_end[];

void boot_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list("cannot boot: ", format, arguments);
    va_end(arguments);
    arch_poweroff(1);
}

static void note_image(void)
{
    boot_state.boot_time = arch_time();
    boot_state.image = (struct range){image_physical(_image_start), image_physical(_image_end)};
    boot_state.kernel_bytes = boot_state.image.end - boot_state.image.start;
}

static void log_firmware(void)
{
    struct sbi_firmware firmware;

    sbi_firmware_read(&firmware);
    const char *name = sbi_implementation_name(firmware.implementation);
    log_line("Cardea %s, firmware %s %lu.%lu, SBI %u.%u", CARDEA_VERSION, name ? name : "of unknown make",
             firmware.version >> 16, firmware.version & 0xffff, firmware.spec_major, firmware.spec_minor);
}

static void log_machine(void)
{
    log_line("memory %lu MiB, harts %u (boot hart %u)%s%s, %u ASID bits, timebase %lu Hz",
             range_total(&boot_state.memory) >> 20, hart_count, harts[0].id, machine.has_fp ? ", FP" : "",
             machine.has_sstc ? ", Sstc" : "", machine.asid_bits, arch_timebase);
    for (uint32_t i = 0; i < machine.plic_count; i++) {
        log_line("PLIC at 0x%lx, %u lines", machine.plic[i].base, machine.plic[i].sources);
    }
}

/* The first C code: head.S made a stack, cleared .bss and mapped the image and the device tree. */
void __attribute__((noreturn)) kernel_main(uint32_t hart_id, uint64_t device_tree)
{
    struct fdt tree;

    hart_prepare(0, hart_id);
    hart_count = 1;
    sbi_console_init();
    note_image();
    log_firmware();
    boot_read_tree(&tree, device_tree);
    machine_read_tree(&tree, hart_id);
    kernel_tables_make();
    machine_probe();
    plic_init();
    plic_hart_init(&harts[0], 0);
    hart_init();
    kernel_lock();
    harts_start();
    log_machine();
    if (boot_option("selftest")) {
        selftest_run();
    }
    boot_make_init();
    harts_release();
    hart_run();
}

void __attribute__((weak)) selftest_run(void)
{
    panic("no self-tests linked");
}
