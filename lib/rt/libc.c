/* SPDX-License-Identifier: MIT */
/*
 * What the C library asks of the system below it. All in one file that start.c refers to, so that the linker
 * takes these and not the C library's own versions for other systems.
 */
#include "internal.h"

#include <client/console.h>
#include <errno.h>
#include <proto/proc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define STATUS_ABORTED 134

void rt_libc_init(void)
{
    rt_heap_init();
}

void _exit(int status)
{
    rt_stdio_flush();
    struct proc_exit_request q = {.status = (uint64_t)status & 0xff};
    struct proto_empty none;
    proc_exit(rt_caps.proc, &q, &none);
    /* Without init to tell, end as a crash: its fault handler or the kernel says so. */
    __builtin_trap();
}

void abort(void)
{
    rt_log("aborted");
    _exit(STATUS_ABORTED);
}

/* Called by a failing assert(). */
void __assert_func(const char *file, int line, const char *function, const char *expression)
{
    rt_log("%s:%d: %s: assertion '%s' failed", file, line, function != NULL ? function : "?", expression);
    _exit(STATUS_ABORTED);
}

const struct rt_files *rt_files;

ssize_t write(int file, const void *bytes, size_t count)
{
    if (file > STDERR_FILENO && rt_files != NULL)
        return rt_files->write(file, bytes, count);
    if (file != STDOUT_FILENO && file != STDERR_FILENO) {
        errno = EBADF;
        return -1;
    }
    enum error error = file == STDOUT_FILENO ? rt_stdout_write(bytes, count) : terminal_write(bytes, count);
    if (!error)
        return (ssize_t)count;
    errno = EIO;
    return -1;
}

ssize_t read(int file, void *bytes, size_t size)
{
    size_t count = 0;
    if (file > STDERR_FILENO && rt_files != NULL)
        return rt_files->read(file, bytes, size);
    if (file != STDIN_FILENO) {
        errno = EBADF;
        return -1;
    }
    if (!terminal_read(bytes, size, &count))
        return (ssize_t)count;
    errno = EIO;
    return -1;
}

pid_t getpid(void)
{
    return (pid_t)rt_start->process;
}
