/* SPDX-License-Identifier: MIT */
/*
 * The memory of a new process. All bytes that it starts with, its program's and the start page, go into one
 * segment that init maps once and fills; the parts are then mapped where they belong. Memory that starts as
 * zeros, such as the stack, is left to mm, which gives pages at first touch.
 */
#include "init.h"

#include <string.h>

/* The pages of an ELF segment: those that hold bytes of the file, and those after them that are zero. */
struct span {
    uint64_t address, file_bytes, zero_bytes;
};

static struct span span_of(const struct elf_segment *segment)
{
    uint64_t start = align_down(segment->vaddr, PAGE_BYTES), lead = segment->vaddr - start;
    uint64_t all = align_up(lead + segment->memory_size, PAGE_BYTES);
    uint64_t file = segment->file_size == 0 ? 0 : align_up(lead + segment->file_size, PAGE_BYTES);

    return (struct span){start, file, all - file};
}

static uint64_t image_bytes(const struct elf *elf)
{
    uint64_t bytes = PAGE_BYTES; /* for the start page, which comes first */

    for (unsigned i = 0; i < elf->segment_count; i++)
        bytes += span_of(&elf->segment[i]).file_bytes;
    return bytes;
}

static enum error map_segment(uint64_t space, cap_t segment, uint64_t address, uint64_t offset,
                              uint64_t length, uint64_t prot)
{
    const struct mm_segment_map_request q = {
        .space = space, .address = address, .offset = offset, .length = length, .prot = prot};
    struct mm_map_reply r;

    return mm_segment_map(mm_session, &q, &r, segment);
}

static enum error map_zeros(uint64_t space, uint64_t address, uint64_t length, uint64_t prot)
{
    const struct mm_map_request q = {.space = space, .address = address, .length = length, .prot = prot};
    struct mm_map_reply r;

    return length == 0 ? ERR_OK : mm_map(mm_session, &q, &r);
}

void window_close(uint64_t address, uint64_t length)
{
    struct mm_range_request q = {.address = address, .length = align_up(length, PAGE_BYTES)};
    struct mm_range_reply r;

    while (q.length > 0 && !mm_unmap(mm_session, &q, &r)) {
        q.address += r.length;
        q.length -= r.length;
    }
}

enum error window_open(cap_t segment, uint64_t address, uint64_t length, uint64_t prot)
{
    return map_segment(0, segment, address, 0, align_up(length, PAGE_BYTES), prot);
}

static void copy_image(const struct program *program, const struct start_info *start)
{
    uint8_t *to = (uint8_t *)WINDOW_NEW_IMAGE;

    memcpy(to, start, sizeof(*start));
    to += PAGE_BYTES;
    for (unsigned i = 0; i < program->elf.segment_count; i++) {
        const struct elf_segment *segment = &program->elf.segment[i];
        memcpy(to + segment->vaddr % PAGE_BYTES, program->file + segment->file_offset, segment->file_size);
        to += span_of(segment).file_bytes;
    }
}

static enum error map_image(uint64_t space, cap_t segment, const struct elf *elf)
{
    enum error error = map_segment(space, segment, PROCESS_START_PAGE, 0, PAGE_BYTES, MM_READ);
    uint64_t offset = PAGE_BYTES;

    for (unsigned i = 0; i < elf->segment_count && !error; i++) {
        struct span span = span_of(&elf->segment[i]);
        if (span.file_bytes != 0)
            error = map_segment(space, segment, span.address, offset, span.file_bytes, elf->segment[i].prot);
        if (!error)
            error = map_zeros(space, span.address + span.file_bytes, span.zero_bytes, elf->segment[i].prot);
        offset += span.file_bytes;
    }
    return error;
}

enum error segment_for(uint64_t space, uint64_t length, cap_t *segment)
{
    const struct mm_segment_create_request q = {.space = space, .length = align_up(length, PAGE_BYTES)};
    struct mm_segment_create_reply r;

    return mm_segment_create(mm_session, &q, &r, segment);
}

void segment_give_back(cap_t segment)
{
    mm_segment_drop(mm_session, NULL, NULL, segment);
    slot_free(segment);
}

enum error load_program(const struct process *process, const struct program *program,
                        const struct start_info *start)
{
    uint64_t length = image_bytes(&program->elf);
    cap_t segment;
    enum error error = segment_for(process->space, length, &segment);

    if (error)
        return error;
    error = window_open(segment, WINDOW_NEW_IMAGE, length, MM_READ | MM_WRITE);
    if (!error) {
        copy_image(program, start);
        window_close(WINDOW_NEW_IMAGE, length);
        error = map_image(process->space, segment, &program->elf);
    }
    segment_give_back(segment);
    return error ? error
                           : map_zeros(process->space, start->stack_low, start->stack_high - start->stack_low,
                                       MM_READ | MM_WRITE);
}
