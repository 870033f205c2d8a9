/* SPDX-License-Identifier: MIT */
/* dmesg: the kernel's log and what programs said, in the order of time. */
#include "commands.h"
#include "shell.h"

#include <abi/object.h>
#include <proto/proc.h>
#include <rt/rt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines in the order in which they came, one behind the other. */
struct text {
    char *bytes;
    size_t length, room;
};

struct log_entry {
    uint64_t us;
    size_t start, length; /* in the text, newline included */
};

static bool append(struct text *text, const char *bytes, size_t count)
{
    if (count > text->room - text->length) {
        size_t room = 2 * (text->room + count);
        char *larger = realloc(text->bytes, room);
        if (larger == NULL)
            return false;
        text->bytes = larger;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    return true;
}

/* One piece of the kernel log from *position on, which moves behind it; *count 0 at the end. */
static enum error read_log(uint64_t *position, char bytes[MSG_MAX_WORDS * 8], size_t *count)
{
    uint64_t reply[MSG_MAX_WORDS] = {0}, room = sizeof(reply) - 2 * sizeof(reply[0]);
    enum error error = kernel_call(rt_cap("log"), OP_DEBUG_READ_LOG, position, 1, reply, MSG_MAX_WORDS);

    *count = 0;
    if (!error) {
        *position = reply[0];
        *count = reply[1] < room ? reply[1] : room;
        memcpy(bytes, &reply[2], *count);
    }
    return error;
}

static enum error read_kernel_log(struct text *text)
{
    struct kernel_info info = {0};
    char bytes[MSG_MAX_WORDS * 8];
    uint64_t position = 0;
    size_t count = 1;
    enum error error = read_kernel_info(&info);

    /* What is logged meanwhile is left out, so that there is an end. */
    while (!error && count > 0 && position < info.log_end && !input_interrupted()) {
        error = read_log(&position, bytes, &count);
        if (!append(text, bytes, count))
            error = ERR_NO_MEMORY;
    }
    return error;
}

/* One journal of init's; a writer that goes on meanwhile does not keep it from ending. */
static enum error read_journal(struct text *text, uint64_t journal)
{
    struct proc_said_request request = {.journal = journal};
    struct proc_said_reply reply;
    enum error error = ERR_OK;
    size_t left = 65536;

    do {
        error = proc_said(rt_cap("init"), &request, &reply);
        if (error || reply.length > sizeof(reply.bytes) || reply.length > left)
            return error;
        if (!append(text, reply.bytes, reply.length))
            return ERR_NO_MEMORY;
        request.position = reply.position;
        left -= reply.length;
    } while (reply.length > 0);
    return error;
}

/* The time that a line begins with, as "[ SECONDS.MICROSECONDS]"; that of the line before if it has none. */
static uint64_t time_of(const char *line, size_t length, uint64_t before)
{
    char start[32] = "";
    unsigned long long seconds, us;

    memcpy(start, line, length < sizeof(start) - 1 ? length : sizeof(start) - 1);
    return sscanf(start, "[%llu.%llu]", &seconds, &us) == 2 ? seconds * 1000000 + us : before;
}

static int compare(const void *a, const void *b)
{
    const struct log_entry *x = a, *y = b;

    if (x->us != y->us)
        return x->us < y->us ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static size_t count_lines(const struct text *text)
{
    size_t count = 1;

    for (size_t i = 0; i < text->length; i++)
        count += text->bytes[i] == '\n';
    return count;
}

static enum error print_in_order(const struct text *text)
{
    struct log_entry *entries = malloc(count_lines(text) * sizeof(*entries));
    size_t count = 0;
    uint64_t us = 0;

    if (entries == NULL)
        return ERR_NO_MEMORY;
    for (size_t at = 0, length; at < text->length; at += length) {
        const char *end = memchr(text->bytes + at, '\n', text->length - at);
        length = end != NULL ? (size_t)(end - text->bytes) + 1 - at : text->length - at;
        us = time_of(text->bytes + at, length, us);
        entries[count++] = (struct log_entry){us, at, length};
    }
    qsort(entries, count, sizeof(*entries), compare);
    for (size_t i = 0; i < count && !input_interrupted(); i++)
        fwrite(text->bytes + entries[i].start, 1, entries[i].length, stdout);
    free(entries);
    return ERR_OK;
}

int command_dmesg(int argc, char **argv)
{
    struct text text = {0};
    enum error error = read_kernel_log(&text);

    (void)argc;
    (void)argv;
    for (uint64_t journal = 0; !error; journal++)
        error = read_journal(&text, journal);
    if (error == ERR_NOT_FOUND) /* there are no more journals */
        error = ERR_OK;
    if (!error)
        error = print_in_order(&text);
    free(text.bytes);
    return !error ? 0 : complain_error("dmesg", "log", error);
}
