/* SPDX-License-Identifier: MIT */
/*
 * Output that goes to a file, as whoever started the program wants it. Programs of the disk are linked with
 * this (mk/user.mk), the processes of the system are not.
 */
#include <client/fs.h>
#include <rt/rt.h>
#include <stdio.h>

static const char *path;
static uint64_t handle;

/* Adds to the file, which is opened anew when fs was restarted. */
static enum error add(const void *bytes, size_t count)
{
    static bool told;
    size_t written;
    enum error error = handle ? file_write(handle, 0, bytes, count, &written) : ERR_BAD_ARG;

    if (error == ERR_BAD_ARG || error == ERR_PEER_GONE) {
        error = file_create(path, 0, FS_CREATE | FS_APPEND, 0644, &handle, NULL);
        if (!error)
            error = file_write(handle, 0, bytes, count, &written);
    }
    if (error && !told)
        fprintf(stderr, "%s: %s: %s\n", rt_name(), path, error_text(error));
    if (error)
        told = true;
    return error;
}

/* Referred to by the linker's options. */
__attribute__((constructor)) void output_begin(void)
{
    path = rt_environment("STDOUT");
    if (path != NULL)
        rt_stdout_to(add);
}
