/* SPDX-License-Identifier: MIT */
/* Output of commands that goes to a file: > and >>. */
#include "shell.h"

#include <client/fs.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

#define FILE_MODE 0644

static char path[PATH_SIZE];
static uint64_t handle; /* 0: output goes to the terminal */
static enum error failure;

static enum error add(const void *bytes, size_t count)
{
    size_t written;
    enum error error = file_write(handle, 0, bytes, count, &written);

    failure = failure ? failure : error;
    return error;
}

bool redirect_begin(const char *to, bool append)
{
    uint64_t flags = FS_CREATE | FS_APPEND | (append ? 0 : FS_TRUNCATE);
    enum error error = path_of(path, to);

    failure = ERR_OK;
    if (!error)
        error = file_create(path, 0, flags, FILE_MODE, &handle, NULL);
    if (error) {
        complain_file("sh", to, error);
        return false;
    }
    rt_stdout_to(add);
    return true;
}

int redirect_end(int status)
{
    rt_stdout_to(NULL);
    file_close(handle);
    handle = 0;
    return failure ? complain_file("sh", path, failure) : status;
}

const char *redirect_path(void)
{
    return handle != 0 ? path : NULL;
}
