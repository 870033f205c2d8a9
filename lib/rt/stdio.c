/* SPDX-License-Identifier: MIT */
/*
 * stdin, stdout and stderr for the C library: the terminal, or the kernel log for a process without one.
 * Output is buffered up to the end of a line, so that a line is one message and lines of several processes do
 * not mix; what goes to a file is buffered as long as there is room.
 */
#include "internal.h"

#include <client/console.h>
#include <stdio.h>

struct output {
    FILE file; /* first: the C library knows only this */
    size_t count;
    char bytes[CONSOLE_MAX_BYTES];
};

struct input {
    FILE file;
    size_t next, count;
    char bytes[CONSOLE_MAX_BYTES];
};

/* The functions that the C library calls are those at the end of each part: they lock, because threads share
 * the buffers. */

void (*rt_libc_lock)(bool take);

static void lock(bool take)
{
    if (rt_libc_lock != NULL)
        rt_libc_lock(take);
}

static enum error (*to_file)(const void *bytes, size_t count); /* NULL: stdout is the terminal */

static bool is_to_file(const struct output *output);

static int flush(struct output *output)
{
    size_t count = output->count;
    output->count = 0;
    if (count == 0)
        return 0;
    return !(is_to_file(output) ? to_file : terminal_write)(output->bytes, count) ? 0 : EOF;
}

static int put(struct output *output, char c)
{
    output->bytes[output->count++] = c;
    if ((c == '\n' && !is_to_file(output)) || output->count == sizeof(output->bytes))
        return flush(output) == 0 ? (unsigned char)c : EOF;
    return (unsigned char)c;
}

static int output_flush(FILE *file)
{
    lock(true);
    int result = flush((struct output *)file);
    lock(false);
    return result;
}

static int output_put(char c, FILE *file)
{
    lock(true);
    int result = put((struct output *)file, c);
    lock(false);
    return result;
}

static int get(struct input *input)
{
    if (input->next == input->count) {
        rt_stdio_flush();
        input->next = input->count = 0;
        if (terminal_read(input->bytes, sizeof(input->bytes), &input->count))
            return _FDEV_ERR;
        if (input->count == 0)
            return _FDEV_EOF;
    }
    return (unsigned char)input->bytes[input->next++];
}

static int input_get(FILE *file)
{
    lock(true);
    int result = get((struct input *)file);
    lock(false);
    return result;
}

static struct output out = {.file = FDEV_SETUP_STREAM(output_put, NULL, output_flush, _FDEV_SETUP_WRITE)};
static struct output err = {.file = FDEV_SETUP_STREAM(output_put, NULL, output_flush, _FDEV_SETUP_WRITE)};
static struct input in = {.file = FDEV_SETUP_STREAM(NULL, input_get, NULL, _FDEV_SETUP_READ)};

static bool is_to_file(const struct output *output)
{
    return output == &out && to_file != NULL;
}

void rt_stdout_to(enum error (*write)(const void *bytes, size_t count))
{
    output_flush(&out.file);
    to_file = write;
}

enum error rt_stdout_write(const void *bytes, size_t count)
{
    output_flush(&out.file);
    return (to_file != NULL ? to_file : terminal_write)(bytes, count);
}

FILE *const stdin = &in.file;
FILE *const stdout = &out.file;
FILE *const stderr = &err.file;

void rt_stdio_flush(void)
{
    output_flush(&out.file);
    output_flush(&err.file);
}
