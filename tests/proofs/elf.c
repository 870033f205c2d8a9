/* SPDX-License-Identifier: MIT */
/* The ELF reader: what it accepts can be loaded without another look. */
#include "proof.h"

#include "lib/base/elf.c"

/* Segments as elf_open() promises them: ascending, inside user space, not writable and executable. */
static bool segment_is_good(const struct elf_segment *segment, uint64_t file)
{
    return segment->file_size <= segment->memory_size &&
           range_inside(segment->file_offset, segment->file_size, file) && segment->vaddr >= PAGE_SIZE &&
           range_inside(segment->vaddr, segment->memory_size, ELF_USER_END) && segment->prot != 0 &&
           (segment->prot & (ELF_WRITE | ELF_EXEC)) != (ELF_WRITE | ELF_EXEC);
}

/*
 * proof elf_open: any file of up to 176 bytes: a header and up to three program headers, anywhere in it
 * options: --unwind 4 --unwindset prove_elf_open.0:177,memcmp.0:5 --conversion-check --unsigned-overflow-check
 * planted lib/base/elf.c: s/!range_inside(header->phoff, table_size, size)/header->phoff > size/
 * planted lib/base/elf.c: s/(prot & (ELF_WRITE | ELF_EXEC)) == (ELF_WRITE | ELF_EXEC)/false/
 * planted lib/base/elf.c: s/    if (pages_overlap(elf))/    if (false)/
 */
void prove_elf_open(void)
{
    static uint8_t file[176];
    uint64_t size = nondet_u64();
    struct elf elf;

    for (unsigned i = 0; i < sizeof(file); i++)
        file[i] = nondet_u8();
    ASSUME(size <= sizeof(file));
    if (elf_open(&elf, file, size))
        return;
    CHECK(elf.segment_count >= 1 && elf.segment_count <= 3, "elf: the number of segments");
    for (unsigned i = 0; i < elf.segment_count && i < 3; i++)
        CHECK(segment_is_good(&elf.segment[i], size),
              "elf: segments are inside, and not writable and executable");
    for (unsigned i = 1; i < elf.segment_count && i < 3; i++) {
        CHECK((elf.segment[i - 1].vaddr + elf.segment[i - 1].memory_size - 1) / PAGE_SIZE <
                      elf.segment[i].vaddr / PAGE_SIZE ||
                  elf.segment[i - 1].memory_size == 0,
              "elf: no two segments share a page");
    }
}

/*
 * proof elf_headers: any ELF header, any size of the file
 * options: --unwind 4 --unsigned-overflow-check --no-sat-preprocessor
 * planted lib/base/elf.c: s/header->phentsize != sizeof(struct program_header) ||/false ||/
 */
void prove_elf_headers(void)
{
    struct file_header header;
    size_t size = nondet_u64();

    if (check_file_header(&header, size))
        return;
    CHECK(header.phentsize == sizeof(struct program_header) && header.phnum > 0 && header.phoff <= size &&
              header.phnum * sizeof(struct program_header) <= size - header.phoff,
          "elf: the table is inside the file");
    CHECK(header.machine == EM_RISCV && header.type == ET_EXEC, "elf: a RISC-V program");
}

/*
 * proof elf_segment: any program header, any size of the file
 * options: --unwind 4 --unsigned-overflow-check --no-sat-preprocessor
 * planted lib/base/elf.c: s/if (header->filesz > header->memsz ||/if (/
 * planted lib/base/elf.c: s/header->vaddr < PAGE_SIZE || //
 */
void prove_elf_segment(void)
{
    struct program_header header;
    size_t size = nondet_u64();
    struct elf elf = {0};

    if (check_segment(&header, size))
        return;
    CHECK(!add_segment(&elf, &header) && elf.segment_count == 1, "elf: there is room for a segment");
    CHECK(segment_is_good(&elf.segment[0], size),
          "elf: segments are inside, and not writable and executable");
}

/*
 * proof elf_add_segment: any table of up to 8 segments in order, any segment
 * options: --unwind 10
 * planted lib/base/elf.c: s/segment_count == ELF_MAX_SEGMENTS/segment_count > ELF_MAX_SEGMENTS/
 * planted lib/base/elf.c: s/elf->segment\[at - 1\].vaddr > header->vaddr/elf->segment[at - 1].vaddr < header->vaddr/
 */
void prove_elf_add_segment(void)
{
    struct program_header header;
    struct elf elf;

    elf.segment_count = any_below(ELF_MAX_SEGMENTS + 1);
    for (unsigned i = 1; i < elf.segment_count; i++)
        ASSUME(elf.segment[i - 1].vaddr <= elf.segment[i].vaddr);
    add_segment(&elf, &header);
    CHECK(elf.segment_count <= ELF_MAX_SEGMENTS, "elf: the number of segments");
    for (unsigned i = 1; i < elf.segment_count; i++)
        CHECK(elf.segment[i - 1].vaddr <= elf.segment[i].vaddr, "elf: segments are in order");
}
