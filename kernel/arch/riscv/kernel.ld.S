/* SPDX-License-Identifier: MIT */
/*
 * The kernel image: one flat piece that starts with the boot header, linked high and loaded anywhere. Each kind of
 * memory begins on a page of its own, because rights are given by page.
 */
#include "layout.h"

OUTPUT_ARCH(riscv)
ENTRY(_start)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
}

SECTIONS
{
    . = IMAGE_BASE;
    _image_start = .;
    .text : AT(ADDR(.text) - IMAGE_BASE + 0x80200000) {
        *(.head)
        *(.text .text.*)
        _text_end = .;
        *(.selftest.text .selftest.text.*)
    } :text
    . = ALIGN(4096);
    _rodata_start = .;
    .rodata : AT(ADDR(.rodata) - IMAGE_BASE + 0x80200000) {
        *(.rodata .rodata.* .srodata .srodata.*)
        KEEP(*(.ksyms))
        *(.selftest.rodata .selftest.rodata.*)
    } :rodata
    . = ALIGN(4096);
    _data_start = .;
    .data : AT(ADDR(.data) - IMAGE_BASE + 0x80200000) {
        *(.data .data.* .sdata .sdata.*)
        . = ALIGN(64);
    } :data
    _bss_start = .;
    .bss (NOLOAD) : {
        *(.sbss .sbss.* .bss .bss.*)
        . = ALIGN(64);
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
