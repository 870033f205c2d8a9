/* SPDX-License-Identifier: MIT */
/* Starting and ending processes: see process.h. */
#include "process.h"

#include <base/checked.h>
#include <rt/rt.h>
#include <string.h>

#define OUTPUT_NAME "STDOUT=" /* lib/client/output.c */
#define PIECE_BYTES 0x10000   /* read at once */

enum error process_spawn(enum error (*read)(void *context, uint64_t position, void *buffer, size_t size),
                         void *context, uint64_t length, unsigned argc, const char *const *argv,
                         const char *output, uint64_t *process, char *cause)
{
    struct proc_spawn_request request = {.image_length = length, .args_offset = length, .arg_count = argc};
    struct proc_spawn_reply reply = {0};
    struct segment segment;
    cap_t init = rt_cap("init");
    uint64_t end;

    *cause = 0;
    for (unsigned i = 0; i < argc; i++)
        request.args_length += strlen(argv[i]) + 1;
    if (output != NULL)
        request.args_length += strlen(OUTPUT_NAME) + strlen(output) + 1;
    if (init == 0)
        return ERR_NO_CAP;
    if (!checked_add(length, request.args_length, &end) || end > SIZE_MAX - PAGE_BYTES)
        return ERR_TOO_LONG;
    enum error error = segment_make(&segment, end);
    if (error)
        return error;
    char *image = segment.address;
    for (uint64_t at = 0; at < length && !error; at += PIECE_BYTES)
        error = read(context, at, image + at, length - at < PIECE_BYTES ? length - at : PIECE_BYTES);
    if (!error) {
        char *to = image + length;
        for (unsigned i = 0; i < argc; i++)
            to = stpcpy(to, argv[i]) + 1;
        if (output != NULL)
            strcpy(stpcpy(to, OUTPUT_NAME), output);
        error = proc_spawn(init, &request, &reply, segment.cap);
        memcpy(cause, reply.cause, sizeof(reply.cause));
        *process = reply.process;
    }
    segment_drop(&segment);
    return error;
}

enum error process_watch(uint64_t process, cap_t notification)
{
    const struct proc_request request = {.process = process};

    return proc_watch(rt_cap("init"), &request, NULL, notification);
}
