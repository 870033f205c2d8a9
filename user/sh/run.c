/* SPDX-License-Identifier: MIT */
/* Programs from the disk: started, waited for, killed by ctrl-c. */
#include "commands.h"
#include "shell.h"

#include <client/console.h>
#include <client/fs.h>
#include <client/process.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM_DIRECTORY "/bin/"

static enum error kill_process(uint64_t process)
{
    struct proc_request request = {.process = process};
    struct proto_empty none;

    return proc_kill(rt_cap("init"), &request, &none);
}

/* Waits for the end of a program; ctrl-c kills it. */
static enum error wait_for_end(uint64_t process, struct proc_status_reply *status)
{
    struct proc_request request = {.process = process};
    enum error error = process_watch(process, input_end_signal());

    if (error) {
        kill_process(process);
        return error;
    }
    while ((error = proc_status(rt_cap("init"), &request, status)) == ERR_BUSY) {
        uint64_t bits = input_wait();
        if ((bits & INPUT_INTERRUPT) != 0)
            kill_process(process);
        if (bits == 0)
            return ERR_IO;
    }
    return error;
}

/* Says how a program ended, unless it ended well. Returns its status for $?. */
static int report_end(const char *command, const char *name, struct proc_status_reply *status)
{
    char text[160];

    status->cause[sizeof(status->cause) - 1] = 0;
    if (status->state != PROC_EXITED)
        fresh_line();
    switch (status->state) {
    case PROC_EXITED:
        if (status->status != 0) {
            snprintf(text, sizeof(text), "exit status %llu", (unsigned long long)status->status);
            complain(command, name, text);
        }
        return (int)status->status;
    case PROC_CRASHED:
        snprintf(text, sizeof(text), "crashed: %s", status->cause);
        complain(command, name, text);
        return STATUS_CRASHED;
    case PROC_KILLED:
        complain(command, name, "killed");
        return shell.interrupted ? STATUS_INTERRUPTED : STATUS_KILLED;
    default:
        snprintf(text, sizeof(text), "did not start: %s", status->cause);
        complain(command, name, text);
        return STATUS_NO_PROGRAM;
    }
}

static enum error read_image(void *context, uint64_t position, void *buffer, size_t size)
{
    const uint64_t *handle = context;
    char *to = buffer;
    size_t count = 1;
    enum error error = ERR_OK;

    while (!error && size > 0 && count > 0) {
        error = file_read(*handle, position, to, size, &count);
        if (!error) {
            to += count;
            position += count;
            size -= count;
        }
    }
    return !error && size > 0 ? ERR_CORRUPT : error;
}

/* Starts a program whose file is open, and waits for it. */
static int run_image(const char *command, uint64_t handle, uint64_t length, int argc, char **argv)
{
    struct proc_status_reply status = {0};
    uint64_t process;
    char cause[112] = "";
    enum error error = process_spawn(read_image, &handle, length, (unsigned)argc, (const char *const *)argv,
                                     redirect_path(), &process, cause);

    if (!error) {
        terminal_foreground(process);
        error = wait_for_end(process, &status);
        terminal_foreground(0);
        cause[0] = 0;
    }
    if (!error)
        return report_end(command, argv[0], &status);
    cause[sizeof(cause) - 1] = 0;
    if (error == ERR_BAD_PROGRAM && cause[0] != 0)
        complain(command, argv[0], cause);
    else
        complain_file(command, argv[0], error);
    return STATUS_NO_PROGRAM;
}

int run_program(const char *command, const char *path, int argc, char **argv)
{
    uint64_t handle;
    struct fs_stat stat;
    enum error error = open_path(path, 0, &handle, &stat);
    int status = STATUS_NO_PROGRAM;

    if (error) {
        complain_file(command, argv[0], error);
        return error == ERR_NOT_FOUND ? STATUS_NO_COMMAND : STATUS_NO_PROGRAM;
    }
    if (stat.type == FS_DIRECTORY)
        complain_error(command, argv[0], ERR_IS_DIR);
    else if (stat.type != FS_FILE)
        complain(command, argv[0], "not a regular file");
    else
        status = run_image(command, handle, stat.size, argc, argv);
    file_close(handle);
    return status;
}

/* Looks for something of that name in /bin; `path` is its path then. */
static enum error look_in_bin(char path[PATH_SIZE], const char *name)
{
    struct fs_stat stat;
    enum error error = path_join(path, PROGRAM_DIRECTORY, name);

    return error ? error : file_stat(path, 0, &stat);
}

int run_word(int argc, char **argv)
{
    char path[PATH_SIZE];

    if (strchr(argv[0], '/') != NULL)
        return run_program("sh", argv[0], argc, argv);
    enum error error = look_in_bin(path, argv[0]);
    if (!error)
        return run_program("sh", path, argc, argv);
    if (error == ERR_NOT_FOUND)
        complain("sh", argv[0], "no such command");
    else
        complain_file("sh", argv[0], error);
    return STATUS_NO_COMMAND;
}

int command_run(int argc, char **argv)
{
    char path[PATH_SIZE];
    bool named = strchr(argv[1], '/') == NULL && !look_in_bin(path, argv[1]);

    return run_program("run", named ? path : argv[1], argc - 1, argv + 1);
}
