/* SPDX-License-Identifier: MIT */
/* ELF-64 executables: check everything, then describe what to load. */
#include <base/checked.h>
#include <base/elf.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are copied as they are in the file");

#define PAGE_SIZE   4096u

#define EI_CLASS    4
#define EI_DATA     5
#define EI_VERSION  6
#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define EV_CURRENT  1
#define ET_EXEC     2
#define EM_RISCV    243
#define PT_LOAD     1
#define PT_INTERP   3
#define PF_X        1u
#define PF_W        2u
#define PF_R        4u

/* ELF header: gABI figure 4-3. */
struct file_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct file_header) == 64, "ELF header");

/* Program header: gABI figure 5-1. */
struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct program_header) == 56, "program header");

static enum elf_error check_file_header(const struct file_header *header, size_t size)
{
    if (header->ident[EI_CLASS] != ELFCLASS64)
        return ELF_NOT_64BIT;
    if (header->ident[EI_DATA] != ELFDATA2LSB)
        return ELF_NOT_LITTLE_ENDIAN;
    if (header->machine != EM_RISCV)
        return ELF_WRONG_MACHINE;
    if (header->type != ET_EXEC)
        return ELF_NOT_EXECUTABLE;
    if (header->ident[EI_VERSION] != EV_CURRENT || header->version != EV_CURRENT)
        return ELF_BAD_HEADERS;
    if (header->phnum == 0)
        return ELF_NO_SEGMENTS;
    uint64_t table_size = (uint64_t)header->phnum * header->phentsize;
    if (header->phentsize != sizeof(struct program_header) ||
        !range_inside(header->phoff, table_size, size)) {
        return ELF_BAD_HEADERS;
    }
    return ELF_OK;
}

static uint32_t prot_of(uint32_t flags)
{
    uint32_t prot = 0;

    if ((flags & PF_R) != 0)
        prot |= ELF_READ;
    if ((flags & PF_W) != 0) {
        prot |= ELF_READ | ELF_WRITE; /* Sv39 has no pages that can only be written */
    }
    if ((flags & PF_X) != 0)
        prot |= ELF_EXEC;
    return prot;
}

static enum elf_error check_segment(const struct program_header *header, size_t size)
{
    uint32_t prot = prot_of(header->flags);

    /* The offset of a segment without bytes means nothing. */
    if (header->filesz > header->memsz ||
        (header->filesz > 0 && !range_inside(header->offset, header->filesz, size))) {
        return ELF_SEGMENT_TRUNCATED;
    }
    if (header->vaddr < PAGE_SIZE || !range_inside(header->vaddr, header->memsz, ELF_USER_END))
        return ELF_SEGMENT_ADDRESS;
    if (prot == 0 || (prot & (ELF_WRITE | ELF_EXEC)) == (ELF_WRITE | ELF_EXEC))
        return ELF_SEGMENT_RIGHTS;
    return ELF_OK;
}

/* Puts the segment in its place by address. */
static enum elf_error add_segment(struct elf *elf, const struct program_header *header)
{
    if (elf->segment_count == ELF_MAX_SEGMENTS)
        return ELF_TOO_MANY_SEGMENTS;
    unsigned at = elf->segment_count++;
    for (; at > 0 && elf->segment[at - 1].vaddr > header->vaddr; at--)
        elf->segment[at] = elf->segment[at - 1];
    elf->segment[at] = (struct elf_segment){
        .vaddr = header->vaddr,
        .memory_size = header->memsz,
        .file_offset = header->filesz > 0 ? header->offset : 0,
        .file_size = header->filesz,
        .prot = prot_of(header->flags),
    };
    return ELF_OK;
}

static enum elf_error read_segments(struct elf *elf, const uint8_t *table, unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++) {
        struct program_header header;
        memcpy(&header, table + (size_t)i * sizeof(header), sizeof(header));
        if (header.type == PT_INTERP)
            return ELF_NEEDS_INTERPRETER;
        /* Linkers leave empty segments behind, which may have any address. */
        if (header.type != PT_LOAD || (header.memsz == 0 && header.filesz == 0))
            continue;
        enum elf_error error = check_segment(&header, size);
        if (!error)
            error = add_segment(elf, &header);
        if (error)
            return error;
    }
    return elf->segment_count == 0 ? ELF_NO_SEGMENTS : ELF_OK;
}

static bool pages_overlap(const struct elf *elf)
{
    for (unsigned i = 1; i < elf->segment_count; i++) {
        const struct elf_segment *below = &elf->segment[i - 1];
        if (align_up(below->vaddr + below->memory_size, PAGE_SIZE) >
            align_down(elf->segment[i].vaddr, PAGE_SIZE)) {
            return true;
        }
    }
    return false;
}

static bool entry_is_code(const struct elf *elf)
{
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segment[i];
        if ((segment->prot & ELF_EXEC) != 0 && elf->entry >= segment->vaddr &&
            elf->entry - segment->vaddr < segment->memory_size) {
            return elf->entry % 2 == 0;
        }
    }
    return false;
}

enum elf_error elf_open(struct elf *elf, const void *file, size_t size)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};
    struct file_header header;

    if (size >= sizeof(magic) && memcmp(file, magic, sizeof(magic)) != 0)
        return ELF_NOT_ELF;
    if (size < sizeof(header))
        return ELF_TOO_SHORT;
    memcpy(&header, file, sizeof(header));
    enum elf_error error = check_file_header(&header, size);
    if (error)
        return error;
    elf->entry = header.entry;
    elf->segment_count = 0;
    error = read_segments(elf, (const uint8_t *)file + header.phoff, header.phnum, size);
    if (error)
        return error;
    if (pages_overlap(elf))
        return ELF_SEGMENT_OVERLAP;
    return entry_is_code(elf) ? ELF_OK : ELF_BAD_ENTRY;
}

const char *elf_strerror(enum elf_error error)
{
    static const char *const text[] = {
        [ELF_OK] = "no error",
        [ELF_TOO_SHORT] = "shorter than an ELF header",
        [ELF_NOT_ELF] = "not an ELF file",
        [ELF_NOT_64BIT] = "not a 64-bit program",
        [ELF_NOT_LITTLE_ENDIAN] = "not a little-endian program",
        [ELF_WRONG_MACHINE] = "made for another machine than RISC-V",
        [ELF_NOT_EXECUTABLE] = "not a statically linked executable",
        [ELF_BAD_HEADERS] = "bad header or program header table",
        [ELF_TOO_MANY_SEGMENTS] = "too many segments",
        [ELF_NO_SEGMENTS] = "no segments to load",
        [ELF_SEGMENT_TRUNCATED] = "a segment reaches past the end of the file",
        [ELF_SEGMENT_ADDRESS] = "a segment lies outside user space",
        [ELF_SEGMENT_OVERLAP] = "two segments overlap or share a page",
        [ELF_SEGMENT_RIGHTS] = "a segment is both writable and executable, or has no rights",
        [ELF_BAD_ENTRY] = "entry point outside the code",
        [ELF_NEEDS_INTERPRETER] = "dynamically linked",
    };

    return (unsigned)error < sizeof(text) / sizeof(text[0]) ? text[error] : "unknown error";
}
