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

/* Adds to the file. When fs dies, what was not on the disk yet is lost, and that is said. */
static enum error add(const void *bytes, size_t count)
{
    static bool told;
    size_t written;
    enum error error = handle ? ERR_OK : file_create(path, 0, FS_CREATE | FS_APPEND, 0644, &handle, NULL);

    if (!error)
        error = file_write(handle, 0, bytes, count, &written);
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
