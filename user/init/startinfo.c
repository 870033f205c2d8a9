/* SPDX-License-Identifier: MIT */
/* The page that a new process starts with: its arguments and the names of its capabilities. Portable. */
#include "init.h"

#include <base/format.h>

#include <string.h>

void start_info_init(struct start_info *start, uint64_t number, const char *name, uint64_t timebase)
{
    memset(start, 0, sizeof(*start));
    start->magic = START_MAGIC;
    start->process = number;
    start->msg_page = PROCESS_MSG_PAGE;
    start->stack_low = PROCESS_STACK_HIGH - PROCESS_STACK_BYTES;
    start->stack_high = PROCESS_STACK_HIGH;
    start->timebase = timebase;
    format_buffer(start->name, sizeof(start->name), "%s", name);
}

bool start_info_cap(struct start_info *start, const char *protocol, const char *name, uint32_t slot)
{
    if (start->cap_count == START_MAX_CAPS)
        return false;
    struct start_cap *cap = &start->cap[start->cap_count++];
    format_buffer(cap->name, sizeof(cap->name), "%s", name);
    format_buffer(cap->protocol, sizeof(cap->protocol), "%s", protocol);
    cap->slot = slot;
    return true;
}

unsigned start_args_add(char *args, size_t *length, const char *text)
{
    unsigned count = 0;

    while (*(text += strspn(text, " ")) != 0) {
        size_t word = strcspn(text, " ");
        memcpy(args + *length, text, word);
        args[*length + word] = 0;
        *length += word + 1;
        text += word;
        count++;
    }
    return count;
}

bool start_info_arg(struct start_info *start, const char *text)
{
    size_t length = strlen(text) + 1;

    if (length > sizeof(start->args) - start->args_length)
        return false;
    memcpy(start->args + start->args_length, text, length);
    start->args_length += length;
    start->arg_count++;
    return true;
}
