/* SPDX-License-Identifier: MIT */
/*
 * stdin, stdout and stderr for the C library: the terminal, or the kernel log for a process without one.
 * Output is buffered up to the end of a line, so that a line is one message and lines of several processes do
 * not mix.
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

static int output_flush(FILE *file)
{
    struct output *output = (struct output *)file;
    size_t count = output->count;
    output->count = 0;
    if (count == 0)
        return 0;
    return !terminal_write(output->bytes, count) ? 0 : EOF;
}

static int output_put(char c, FILE *file)
{
    struct output *output = (struct output *)file;
    output->bytes[output->count++] = c;
    if (c == '\n' || output->count == sizeof(output->bytes))
        return output_flush(file) == 0 ? (unsigned char)c : EOF;
    return (unsigned char)c;
}

static int input_get(FILE *file)
{
    struct input *input = (struct input *)file;
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

static struct output out = {.file = FDEV_SETUP_STREAM(output_put, NULL, output_flush, _FDEV_SETUP_WRITE)};
static struct output err = {.file = FDEV_SETUP_STREAM(output_put, NULL, output_flush, _FDEV_SETUP_WRITE)};
static struct input in = {.file = FDEV_SETUP_STREAM(NULL, input_get, NULL, _FDEV_SETUP_READ)};

FILE *const stdin = &in.file;
FILE *const stdout = &out.file;
FILE *const stderr = &err.file;

void rt_stdio_flush(void)
{
    output_flush(&out.file);
    output_flush(&err.file);
}
