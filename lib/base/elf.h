/* SPDX-License-Identifier: MIT */
/*
 * ELF-64 executable reader for RISC-V (System V gABI chapters 4 and 5; RISC-V psABI). Checks the whole header
 * and every loadable segment first; the loaders in the kernel and in init then only copy.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ELF_MAX_SEGMENTS 8
#define ELF_USER_END     0x4000000000ull /* first address above the user half of Sv39 */

enum elf_error {
    ELF_OK = 0,
    ELF_TOO_SHORT, /* smaller than an ELF header, as far as that can be told apart from no ELF */
    ELF_NOT_ELF,   /* magic number wrong */
    ELF_NOT_64BIT,
    ELF_NOT_LITTLE_ENDIAN,
    ELF_WRONG_MACHINE,  /* not RISC-V */
    ELF_NOT_EXECUTABLE, /* type other than ET_EXEC */
    ELF_BAD_HEADERS,    /* unknown version; program headers outside the file or of a wrong size */
    ELF_TOO_MANY_SEGMENTS,
    ELF_NO_SEGMENTS,
    ELF_SEGMENT_TRUNCATED, /* bytes of a segment lie outside the file, or are more than its memory */
    ELF_SEGMENT_ADDRESS,   /* a segment reaches outside user space, or below the first page */
    ELF_SEGMENT_OVERLAP,   /* two segments share a page */
    ELF_SEGMENT_RIGHTS,    /* writable and executable at once, or no rights at all */
    ELF_BAD_ENTRY,         /* entry point outside every executable segment, or odd */
    ELF_NEEDS_INTERPRETER, /* dynamic: has PT_INTERP */
};

enum elf_prot { ELF_READ = 1, ELF_WRITE = 2, ELF_EXEC = 4 };

struct elf_segment {
    uint64_t vaddr;       /* address of the first byte, any alignment */
    uint64_t memory_size; /* bytes in memory; those past file_size are zero */
    uint64_t file_offset, file_size; /* 0 and 0: no bytes in the file */
    uint32_t prot; /* enum elf_prot bits; ELF_WRITE comes with ELF_READ */
};

struct elf {
    uint64_t entry;
    unsigned segment_count;
    struct elf_segment segment[ELF_MAX_SEGMENTS]; /* in ascending order of address */
};

/* Reads and checks the ELF file of `size` bytes at `file`; `elf` is valid only for ELF_OK. */
enum elf_error elf_open(struct elf *elf, const void *file, size_t size);
/* One clause that says what is wrong ("made for another machine than RISC-V"), never NULL. */
const char *elf_strerror(enum elf_error error);
