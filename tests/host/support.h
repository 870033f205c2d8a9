/* SPDX-License-Identifier: MIT */
/* What several host tests need: repeatable random numbers, exactly sized buffers, files from other tools. */
#pragma once

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* xorshift64*: the same numbers in every run. The state must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

/* A number below `bound`, which is not 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return (random_next(state) >> 16) % bound;
}

/* Bytes whose end is the end of a heap block, so that AddressSanitizer sees every read past it. */
struct exact {
    void *block;
    uint8_t *data;
    size_t size;
};

/* A copy of `size` bytes, `misalignment` bytes off the alignment that malloc gives. */
static inline struct exact exact_copy(const void *data, size_t size, size_t misalignment)
{
    struct exact copy = {.block = malloc(size + misalignment), .size = size};

    cr_assert_not_null(copy.block);
    copy.data = (uint8_t *)copy.block + misalignment;
    if (size > 0)
        memcpy(copy.data, data, size);
    return copy;
}

static inline void exact_free(struct exact *copy)
{
    free(copy->block);
    *copy = (struct exact){0};
}

/* Makes a directory of the test's own and goes there. */
static inline void enter_scratch(char path[64])
{
    snprintf(path, 64, "%s", "/tmp/cardea-test-XXXXXX");
    cr_assert_not_null(mkdtemp(path), "cannot make a directory in /tmp");
    cr_assert_eq(chdir(path), 0);
}

/* Removes what enter_scratch() made. */
static inline void leave_scratch(const char *path)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    if (chdir("/") != 0 || system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", path);
}

/* Runs a shell command; the test fails with the command's own words when it does. */
__attribute__((format(printf, 1, 2))) static inline void run(const char *format, ...)
{
    char command[4096], output[2048];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    cr_assert_lt(length, (int)sizeof(command) - 16);
    snprintf(command + length, sizeof(command) - (size_t)length, " 2>&1");
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe, "cannot run: %s", command);
    size_t got = fread(output, 1, sizeof(output) - 1, pipe);
    output[got] = 0;
    cr_assert_eq(pclose(pipe), 0, "failed: %s\n%s", command, output);
}

/* The content of a file, in a buffer of exactly its size. */
static inline struct exact read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct exact content = {0};

    cr_assert_not_null(file, "cannot open %s", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    cr_assert_geq(size, 0);
    rewind(file);
    content.block = content.data = malloc((size_t)size);
    content.size = (size_t)size;
    cr_assert_eq(fread(content.data, 1, content.size, file), content.size, "cannot read %s", path);
    fclose(file);
    return content;
}

/* Writes a file of these bytes. */
static inline void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    cr_assert_not_null(file, "cannot make %s", path);
    cr_assert_eq(fwrite(data, 1, size, file), size, "cannot write %s", path);
    cr_assert_eq(fclose(file), 0, "cannot write %s", path);
}
