/* SPDX-License-Identifier: MIT */
/* ELF reader: a program built here field by field, the error for each thing that can be wrong, and damage. */
#include <base/elf.h>

#include "support.h"

#define PAGE      0x1000ull
#define TEXT      0x10000ull
#define FILE_SIZE 0x400u
#define PHOFF     64u
#define PHENTSIZE 56u

#define PT_NULL   0u
#define PT_LOAD   1u
#define PT_INTERP 3u
#define PT_NOTE   4u
#define R         4u
#define W         2u
#define X         1u

/* Offsets of header fields that tests change. */
enum {
    IDENT_CLASS = 4,
    IDENT_DATA = 5,
    IDENT_VERSION = 6,
    TYPE = 16,
    MACHINE = 18,
    VERSION = 20,
    ENTRY = 24
};
enum { PHOFF_FIELD = 32, PHENTSIZE_FIELD = 54, PHNUM = 56 };

struct image {
    uint8_t bytes[FILE_SIZE];
    unsigned count;
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz;
};

/* A little-endian number of `size` bytes. */
static void put(struct image *image, size_t at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        image->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static void add(struct image *image, struct program_header header)
{
    size_t at = PHOFF + PHENTSIZE * image->count++;

    put(image, at, header.type, 4);
    put(image, at + 4, header.flags, 4);
    put(image, at + 8, header.offset, 8);
    put(image, at + 16, header.vaddr, 8);
    put(image, at + 24, header.vaddr, 8);
    put(image, at + 32, header.filesz, 8);
    put(image, at + 40, header.memsz, 8);
    put(image, at + 48, PAGE, 8);
    put(image, PHNUM, image->count, 2);
}

static struct image empty_program(void)
{
    struct image image = {.bytes = {0x7f, 'E', 'L', 'F', 2, 1, 1}};

    put(&image, TYPE, 2, 2);
    put(&image, MACHINE, 243, 2);
    put(&image, VERSION, 1, 4);
    put(&image, ENTRY, TEXT + 0x10, 8);
    put(&image, PHOFF_FIELD, PHOFF, 8);
    put(&image, 52, 64, 2);
    put(&image, PHENTSIZE_FIELD, PHENTSIZE, 2);
    return image;
}

/* Code at TEXT. */
static struct image program(void)
{
    struct image image = empty_program();

    add(&image, (struct program_header){PT_LOAD, R | X, 0x300, TEXT, 0x80, 0x80});
    return image;
}

static enum elf_error open_bytes(struct elf *elf, const void *bytes, size_t size, size_t misalignment)
{
    struct exact copy = exact_copy(bytes, size, misalignment);
    enum elf_error error = elf_open(elf, copy.data, size);

    exact_free(&copy);
    return error;
}

static enum elf_error open_image(const struct image *image)
{
    struct elf elf;

    return open_bytes(&elf, image->bytes, FILE_SIZE, 0);
}

/* The error for a good program to which one more header was added. */
static enum elf_error with(struct program_header header)
{
    struct image image = program();

    add(&image, header);
    return open_image(&image);
}

/* The error for a good program with one field changed. */
static enum elf_error changed(size_t at, uint64_t value, unsigned size)
{
    struct image image = program();

    put(&image, at, value, size);
    return open_image(&image);
}

Test(elf, describes_what_to_load)
{
    struct image image = empty_program();
    struct elf elf;

    add(&image, (struct program_header){PT_NOTE, R, ~0ull, 0, ~0ull, 0});
    add(&image, (struct program_header){PT_LOAD, R | W, 0x380, TEXT + 3 * PAGE + 0x20, 0x80, 0x2345});
    add(&image, (struct program_header){PT_LOAD, R | X, 0x300, TEXT, 0x80, 0x80});
    add(&image, (struct program_header){PT_LOAD, W, 0, TEXT + PAGE, 0, 2 * PAGE});
    add(&image, (struct program_header){PT_LOAD, R, ~0ull, ~0ull, 0, 0});
    add(&image, (struct program_header){PT_NULL, 0, ~0ull, ~0ull, ~0ull, ~0ull});
    for (size_t misalignment = 0; misalignment < 8; misalignment++) {
        cr_assert_eq(open_bytes(&elf, image.bytes, FILE_SIZE, misalignment), ELF_OK);
        cr_assert_eq(elf.entry, TEXT + 0x10);
        cr_assert_eq(elf.segment_count, 3);
        const struct elf_segment expected[] = {
            {TEXT, 0x80, 0x300, 0x80, ELF_READ | ELF_EXEC},
            {TEXT + PAGE, 2 * PAGE, 0, 0, ELF_READ | ELF_WRITE},
            {TEXT + 3 * PAGE + 0x20, 0x2345, 0x380, 0x80, ELF_READ | ELF_WRITE},
        };
        for (unsigned i = 0; i < 3; i++) {
            cr_expect_eq(elf.segment[i].vaddr, expected[i].vaddr);
            cr_expect_eq(elf.segment[i].memory_size, expected[i].memory_size);
            cr_expect_eq(elf.segment[i].file_offset, expected[i].file_offset);
            cr_expect_eq(elf.segment[i].file_size, expected[i].file_size);
            cr_expect_eq(elf.segment[i].prot, expected[i].prot);
        }
    }
}

Test(elf, code_that_can_only_be_executed)
{
    struct image image = empty_program();
    struct elf elf;

    add(&image, (struct program_header){PT_LOAD, X, 0, TEXT, FILE_SIZE, FILE_SIZE});
    cr_assert_eq(open_bytes(&elf, image.bytes, FILE_SIZE, 0), ELF_OK);
    cr_assert_eq(elf.segment[0].prot, ELF_EXEC);
}

Test(elf, not_elf)
{
    struct image image = program();
    struct elf elf;

    for (size_t size = 0; size < 64; size++)
        cr_assert_eq(open_bytes(&elf, image.bytes, size, 0), ELF_TOO_SHORT);
    cr_assert_eq(open_bytes(&elf, "#!/bin/sh\n", 10, 0), ELF_NOT_ELF);
    cr_assert_eq(open_bytes(&elf, "hi!\n", 4, 0), ELF_NOT_ELF);
    cr_assert_eq(open_bytes(&elf, "hi\n", 3, 0), ELF_TOO_SHORT);
    cr_assert_eq(open_bytes(&elf, "", 0, 0), ELF_TOO_SHORT);
    for (size_t at = 0; at < 4; at++)
        cr_assert_eq(changed(at, 0, 1), ELF_NOT_ELF);
}

Test(elf, for_another_machine)
{
    cr_assert_eq(changed(IDENT_CLASS, 1, 1), ELF_NOT_64BIT);
    cr_assert_eq(changed(IDENT_CLASS, 0, 1), ELF_NOT_64BIT);
    cr_assert_eq(changed(IDENT_DATA, 2, 1), ELF_NOT_LITTLE_ENDIAN);
    cr_assert_eq(changed(MACHINE, 62, 2), ELF_WRONG_MACHINE);
    cr_assert_eq(changed(MACHINE, 243 << 8, 2), ELF_WRONG_MACHINE);
}

Test(elf, not_a_program)
{
    cr_assert_eq(changed(TYPE, 1, 2), ELF_NOT_EXECUTABLE); /* object file */
    cr_assert_eq(changed(TYPE, 3, 2), ELF_NOT_EXECUTABLE); /* shared object */
    cr_assert_eq(changed(TYPE, 4, 2), ELF_NOT_EXECUTABLE); /* core dump */
    cr_assert_eq(changed(IDENT_VERSION, 0, 1), ELF_BAD_HEADERS);
    cr_assert_eq(changed(VERSION, 2, 4), ELF_BAD_HEADERS);
    cr_assert_eq(with((struct program_header){PT_INTERP, R, 0x300, TEXT, 8, 8}), ELF_NEEDS_INTERPRETER);
}

Test(elf, program_header_table)
{
    cr_assert_eq(changed(PHENTSIZE_FIELD, 55, 2), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHENTSIZE_FIELD, 0, 2), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHENTSIZE_FIELD, 0xffff, 2), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHOFF_FIELD, FILE_SIZE - PHENTSIZE + 1, 8), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHOFF_FIELD, FILE_SIZE, 8), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHOFF_FIELD, ~0ull, 8), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHOFF_FIELD, ~0ull - PHENTSIZE + 1, 8), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHNUM, 18, 2), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHNUM, 0xffff, 2), ELF_BAD_HEADERS);
    cr_assert_eq(changed(PHNUM, 0, 2), ELF_NO_SEGMENTS);
}

/* The table may be anywhere, at any alignment. */
Test(elf, program_headers_at_the_end_of_the_file)
{
    struct image image = program();
    struct elf elf;

    memmove(image.bytes + FILE_SIZE - 1 - PHENTSIZE, image.bytes + PHOFF, PHENTSIZE);
    put(&image, PHOFF_FIELD, FILE_SIZE - 1 - PHENTSIZE, 8);
    cr_assert_eq(open_bytes(&elf, image.bytes, FILE_SIZE - 1, 0), ELF_OK);
    cr_assert_eq(elf.segment[0].vaddr, TEXT);
    cr_assert_eq(open_bytes(&elf, image.bytes, FILE_SIZE - 2, 0), ELF_BAD_HEADERS);
}

Test(elf, number_of_segments)
{
    struct image none = empty_program(), many = program();

    add(&none, (struct program_header){PT_NOTE, R, 0, TEXT, 8, 8});
    add(&none, (struct program_header){PT_LOAD, R | X, 0, TEXT, 0, 0});
    cr_assert_eq(open_image(&none), ELF_NO_SEGMENTS);
    for (unsigned i = 1; i < ELF_MAX_SEGMENTS; i++)
        add(&many, (struct program_header){PT_LOAD, R, 0, TEXT + i * PAGE, 8, 8});
    cr_assert_eq(open_image(&many), ELF_OK);
    add(&many, (struct program_header){PT_LOAD, R, 0, TEXT + 100 * PAGE, 8, 8});
    cr_assert_eq(open_image(&many), ELF_TOO_MANY_SEGMENTS);
}

Test(elf, segments_outside_the_file)
{
    const uint64_t at = TEXT + PAGE;

    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, at, FILE_SIZE, FILE_SIZE}), ELF_OK);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 1, at, FILE_SIZE, FILE_SIZE}),
                 ELF_SEGMENT_TRUNCATED);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, FILE_SIZE, at, 0, 8}), ELF_OK);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, FILE_SIZE, at, 1, 8}), ELF_SEGMENT_TRUNCATED);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, ~0ull, at, 1, 8}), ELF_SEGMENT_TRUNCATED);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 8, at, ~0ull - 7, ~0ull}), ELF_SEGMENT_TRUNCATED);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, at, 9, 8}), ELF_SEGMENT_TRUNCATED);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, at, 1, 0}), ELF_SEGMENT_TRUNCATED);
}

/* As linkers and strip leave them. */
Test(elf, segments_without_bytes_point_anywhere)
{
    static const uint64_t offsets[] = {0, FILE_SIZE, FILE_SIZE + 1, 1ull << 32, ~0ull - 7, ~0ull};

    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct image image = program();
        struct elf elf;
        add(&image, (struct program_header){PT_LOAD, R | W, offsets[i], TEXT + PAGE, 0, 8});
        cr_assert_eq(open_bytes(&elf, image.bytes, FILE_SIZE, 0), ELF_OK);
        cr_assert_eq(elf.segment_count, 2);
        cr_expect(elf.segment[1].file_offset == 0 && elf.segment[1].file_size == 0);
        cr_expect_eq(elf.segment[1].memory_size, 8);
    }
}

Test(elf, segments_outside_user_space)
{
    const uint64_t end = ELF_USER_END;

    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, PAGE, 8, 8}), ELF_OK);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, PAGE - 1, 8, 8}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, 0, 8, 8}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, end - 8, 8, 8}), ELF_OK);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, end - 8, 8, 9}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, end, 8, 8}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, 0xffffffc000000000, 8, 8}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, ~0ull - 7, 8, 8}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT + PAGE, 8, ~0ull}), ELF_SEGMENT_ADDRESS);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT + PAGE, 8, ~0ull - TEXT - PAGE + 9}),
                 ELF_SEGMENT_ADDRESS);
}

Test(elf, segments_that_overlap)
{
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT, 8, 8}), ELF_SEGMENT_OVERLAP);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT + 0x7f, 8, 8}), ELF_SEGMENT_OVERLAP);
    /* Apart, but on one page. */
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT + PAGE - 8, 8, 8}), ELF_SEGMENT_OVERLAP);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT - 8, 8, 8}), ELF_OK);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT - 8, 8, 9}), ELF_SEGMENT_OVERLAP);
    cr_assert_eq(with((struct program_header){PT_LOAD, R, 0, TEXT - PAGE, 8, 100 * PAGE}),
                 ELF_SEGMENT_OVERLAP);
}

Test(elf, rights)
{
    cr_assert_eq(with((struct program_header){PT_LOAD, R | W | X, 0, TEXT + PAGE, 8, 8}), ELF_SEGMENT_RIGHTS);
    cr_assert_eq(with((struct program_header){PT_LOAD, W | X, 0, TEXT + PAGE, 8, 8}), ELF_SEGMENT_RIGHTS);
    cr_assert_eq(with((struct program_header){PT_LOAD, 0, 0, TEXT + PAGE, 8, 8}), ELF_SEGMENT_RIGHTS);
    cr_assert_eq(with((struct program_header){PT_LOAD, 0xfffffff8, 0, TEXT + PAGE, 8, 8}),
                 ELF_SEGMENT_RIGHTS);
}

Test(elf, entry_point)
{
    struct image data = program();

    cr_assert_eq(changed(ENTRY, TEXT, 8), ELF_OK);
    cr_assert_eq(changed(ENTRY, TEXT + 0x7e, 8), ELF_OK);
    cr_assert_eq(changed(ENTRY, TEXT + 0x80, 8), ELF_BAD_ENTRY);
    cr_assert_eq(changed(ENTRY, TEXT - 2, 8), ELF_BAD_ENTRY);
    cr_assert_eq(changed(ENTRY, TEXT + 1, 8), ELF_BAD_ENTRY);
    cr_assert_eq(changed(ENTRY, 0, 8), ELF_BAD_ENTRY);
    cr_assert_eq(changed(ENTRY, ~0ull, 8), ELF_BAD_ENTRY);
    add(&data, (struct program_header){PT_LOAD, R | W, 0, TEXT + PAGE, 8, 8});
    put(&data, ENTRY, TEXT + PAGE, 8);
    cr_assert_eq(open_image(&data), ELF_BAD_ENTRY);
}

Test(elf, every_error_has_its_own_text)
{
    for (int a = ELF_OK; a <= ELF_NEEDS_INTERPRETER; a++) {
        for (int b = ELF_OK; b < a; b++)
            cr_expect_str_neq(elf_strerror((enum elf_error)a), elf_strerror((enum elf_error)b));
    }
    cr_assert_not_null(elf_strerror((enum elf_error)(ELF_NEEDS_INTERPRETER + 1)));
    cr_assert_not_null(elf_strerror((enum elf_error) - 1));
}

/* What a loader relies on: it then only copies. */
static void check_promises(const struct elf *elf, size_t size)
{
    bool entry_found = false;
    uint64_t end = PAGE;

    cr_assert(elf->segment_count >= 1 && elf->segment_count <= ELF_MAX_SEGMENTS);
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segment[i];
        cr_assert(segment->file_size <= size && segment->file_offset <= size - segment->file_size);
        cr_assert_leq(segment->file_size, segment->memory_size);
        cr_assert_gt(segment->memory_size, 0);
        cr_assert_geq(segment->vaddr & ~(PAGE - 1), end);
        cr_assert(segment->vaddr < ELF_USER_END && segment->memory_size <= ELF_USER_END - segment->vaddr);
        end = (segment->vaddr + segment->memory_size + PAGE - 1) & ~(PAGE - 1);
        cr_assert_neq(segment->prot, 0);
        cr_assert_neq(segment->prot & (ELF_WRITE | ELF_EXEC), ELF_WRITE | ELF_EXEC);
        entry_found |= (segment->prot & ELF_EXEC) != 0 && elf->entry >= segment->vaddr &&
                       elf->entry < segment->vaddr + segment->memory_size;
    }
    cr_assert(entry_found);
}

Test(elf, damaged_at_random, .timeout = 60)
{
    static const uint64_t awkward[] = {0,          1,          4095,         4096,       0x7fffffffffffffff,
                                       ~0ull,      ~0ull - 1,  ~0ull - 4095, 1ull << 38, (1ull << 38) - 1,
                                       0xffffffff, 1ull << 32, FILE_SIZE,    TEXT,       FILE_SIZE - 56};
    uint64_t random = 0x656c66;
    unsigned by_error[ELF_NEEDS_INTERPRETER + 1] = {0};

    for (unsigned round = 0; round < 200000; round++) {
        struct image image = program();
        struct elf elf;
        add(&image, (struct program_header){PT_LOAD, R, 0x100, TEXT + PAGE, 0x80, 0x800});
        add(&image, (struct program_header){PT_LOAD, R | W, 0x200, TEXT + 4 * PAGE, 0x80, 0x2000});
        for (uint64_t changes = 1 + random_below(&random, 3); changes > 0; changes--) {
            size_t at = random_below(&random, PHOFF + 3 * PHENTSIZE);
            if (random_below(&random, 2) == 0) {
                image.bytes[at] = (uint8_t)random_next(&random);
            } else {
                put(&image, at & ~7ull, awkward[random_below(&random, sizeof(awkward) / sizeof(awkward[0]))],
                    8);
            }
        }
        size_t size = random_below(&random, 4) == 0 ? random_below(&random, FILE_SIZE) : FILE_SIZE;
        enum elf_error error = open_bytes(&elf, image.bytes, size, random_below(&random, 8));
        cr_assert_leq(error, ELF_NEEDS_INTERPRETER);
        by_error[error]++;
        if (!error)
            check_promises(&elf, size);
    }
    for (int error = ELF_OK; error <= ELF_NEEDS_INTERPRETER; error++) {
        cr_expect(by_error[error] > 0 || error == ELF_TOO_MANY_SEGMENTS, "never seen: %s",
                  elf_strerror((enum elf_error)error));
    }
    cr_assert_gt(by_error[ELF_OK], 1000);
}

/* A real program, made by the compiler that makes ours. */
Test(elf, compiled_program)
{
    char scratch[64];
    static const char source[] =
        "int data = 5; int zero[2000]; void _start(void) { data += zero[1]; for (;;) { } }";
    struct elf elf;

    enter_scratch(scratch);
    write_file("program.c", source, sizeof(source) - 1);
    run("riscv64-unknown-elf-gcc -O2 -nostdlib -static -Wl,-z,max-page-size=4096 -o program program.c");
    run("riscv64-unknown-elf-gcc -O2 -c -o object program.c");
    struct exact file = read_file("program"), object = read_file("object");
    leave_scratch(scratch);
    enum elf_error error = elf_open(&elf, file.data, file.size);
    cr_assert_eq(error, ELF_OK, "%s", elf_strerror(error));
    check_promises(&elf, file.size);
    const struct elf_segment *data = &elf.segment[elf.segment_count - 1];
    cr_assert_eq(data->prot, ELF_READ | ELF_WRITE);
    cr_assert_geq(data->memory_size - data->file_size, 2000 * sizeof(int));
    cr_assert_eq(memcmp(file.data + data->file_offset, &(int32_t){5}, 4), 0);
    cr_assert_eq(elf_open(&elf, object.data, object.size), ELF_NOT_EXECUTABLE);
    exact_free(&file);
    exact_free(&object);
}
