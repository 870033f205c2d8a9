/* SPDX-License-Identifier: MIT */
/* The kernel image: one flat piece that starts with the boot header, linked high and loaded anywhere. Each
 * kind of memory begins on a page of its own, because rights are given by page. */
#include "arch/riscv/layout.h"

OUTPUT_ARCH(riscv)
ENTRY(_start)

PHDRS
{
    boot PT_LOAD FLAGS(5);
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
}

/* What only the boot needs, and the kernel's own tests, which run before it is over. Its memory is handed
 * over with the rest: image_drop_boot(). The head stays, for a hart that comes late. */
#define BOOT_FILE(section) *kernel?boot?*(section) *tests?selftest?*(section) \
    *base/fdt*(section) *base/cpio.c*(section) *base/elf.c*(section) \
    *base/cpu.c*(section) *base/intc.c*(section) *base/words.c*(section) *base/range.c*(section) \
    *base/ring.c*(section) *base/crc32c.c*(section)

/* What stays cannot use what goes. */
NOCROSSREFS_TO(.boot .text .rodata .data)
NOCROSSREFS_TO(.boot_bss .text .rodata .data)

SECTIONS
{
    . = IMAGE_BASE;
    _image_start = .;
    .head : AT(ADDR(.head) - IMAGE_BASE + 0x80200000) {
        KEEP(*(.head))
    } :boot
    . = ALIGN(4096);
    .boot : AT(ADDR(.boot) - IMAGE_BASE + 0x80200000) {
        _boot_start = .;
        BOOT_FILE(.text .text.*)
        *(.text.memmove .text.strchr .text.strcmp .text.strncmp)
        BOOT_FILE(.rodata .rodata.* .srodata .srodata.*)
        *platform?quirks?*(.rodata .rodata.* .srodata .srodata.*)
        . = ALIGN(8);
        __start_quirks = .;
        KEEP(*(quirks))
        __stop_quirks = .;
        __start_satp_writes = .;
        KEEP(*(satp_writes))
        __stop_satp_writes = .;
    } :boot
    . = ALIGN(4096);
    _boot_end = .;
    .text : AT(ADDR(.text) - IMAGE_BASE + 0x80200000) {
        *(.text .text.*)
        _text_end = .;
    } :text
    . = ALIGN(4096);
    _rodata_start = .;
    .rodata : AT(ADDR(.rodata) - IMAGE_BASE + 0x80200000) {
        *(.rodata .rodata.* .srodata .srodata.*)
        KEEP(*(.ksyms))
    } :rodata
    . = ALIGN(4096);
    _data_start = .;
    .data : AT(ADDR(.data) - IMAGE_BASE + 0x80200000) {
        *(.data .data.* .sdata .sdata.*)
        . = ALIGN(128);
    } :data
    . = ALIGN(4096);
    _bss_start = .;
    _boot_data_start = .;
    .boot_bss (NOLOAD) : {
        BOOT_FILE(.sbss .sbss.* .bss .bss.*)
        . = ALIGN(4096);
    } :data
    _boot_data_end = .;
    .bss (NOLOAD) : {
        *(.sbss .sbss.* .bss .bss.*)
        . = ALIGN(128); /* head.S clears so much at a time */
    } :data
    _bss_end = .;
    /* Memory that whoever uses it fills first: clearing it would cost boot time. */
    .noinit (NOLOAD) : {
        *(.noinit .noinit.*)
        . = ALIGN(4096);
        _stacks = .;
        . += STACKS_HARTS * STACKS_STRIDE;
    } :data
    _image_end = .;
    _image_size = _image_end - _image_start;

    ASSERT(_image_size <= IMAGE_MAX_SIZE, "the kernel image is larger than the early page table maps")

    /DISCARD/ : { *(.eh_frame .eh_frame.* .comment .note.* .riscv.attributes) }
}
