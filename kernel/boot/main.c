/* SPDX-License-Identifier: MIT */
/* The boot, in order. */
#include "arch/riscv/image.h"
#include "arch/riscv/machine.h"
#include "arch/riscv/start.h"
#include "boot.h"
#include "context.h"
#include "debug.h"
#include "init.h"
#include "irq.h"
#include "lock.h"
#include "log.h"
#include "riscv/firmware.h"
#include "riscv/harts.h"
#include "riscv/probe.h"
#include "riscv/tables.h"
#include "selftest.h"
#include "tree.h"

#include <string.h>

#define CARDEA_VERSION "0.1"

extern char _image_start[], _boot_start[], _boot_end[], _boot_data_start[], _boot_data_end[], _image_end[];

static struct range range_of(const char *start, const char *end)
{
    return (struct range){image_physical(start), image_physical(end)};
}

static void note_image(void)
{
    boot_facts.boot_time = arch_time();
    boot_facts.kernel_bytes = _image_end - _image_start;
    boot_state.image = range_of(_image_start, _image_end);
    image_boot[0] = (struct image_part){_boot_start, _boot_end};
    image_boot[1] = (struct image_part){_boot_data_start, _boot_data_end};
    for (unsigned i = 0; i < IMAGE_BOOT_PARTS; i++) {
        boot_state.given_back[i] = range_of(image_boot[i].start, image_boot[i].end);
        boot_facts.kernel_bytes -= image_boot[i].end - image_boot[i].start;
    }
}

static const char *yes(bool has, const char *text)
{
    return has ? text : "";
}

/* Not a word too many: the firmware takes longer to print this than anything else of the boot does. */
static void log_machine(void)
{
    struct firmware firmware;

    firmware_read(&firmware);
    log_line("%lu MiB, hart %u of %u, %s%s%s, %s %lu.%lu", range_total(&boot_state.memory) >> 20, harts[0].id,
             hart_count, intc_name(machine.intcs.intc[0].kind), yes(machine.has_sstc, ", Sstc"),
             yes(machine.cpus.has_fp, ", FP"), firmware_name(firmware.implementation),
             firmware.version >> 16, firmware.version & 0xffff);
}

/* The first C code: head.S made a stack, cleared .bss and mapped the image and the device tree. */
void __attribute__((noreturn)) kernel_main(uint32_t hart_id, uint64_t device_tree)
{
    hart_prepare(0, hart_id);
    hart_count = 1;
    harts[0].online = true;
    firmware_console_init();
    note_image();
    log_line("Cardea " CARDEA_VERSION);
    machine_begin(hart_id);
    boot_read_tree(device_tree);
    machine_probe();
    kernel_tables_make();
    memset(irq_lines, 0, arch_irq_lines() * sizeof(irq_lines[0]));
    hart_init();
    lock_own();
    harts_start();
    lock_all();
    log_machine();
    selftest_crash();
    if (boot_option("selftest"))
        selftest_run();
    lanes_off = boot_option("nolanes");
    boot_make_init();
    harts_release();
}
