/* SPDX-License-Identifier: MIT */
/* Programs that processes start: checked, loaded, and given what the description says of their parent's
 * programs. */
#include "init.h"

#include <base/checked.h>
#include <base/format.h>

#include <string.h>

#define MAX_IMAGE_BYTES (64ull << 20)
#define MAX_CHILDREN    32

/* The name of a program: the last part of its path, cut to what fits; odd characters are shown as '?'. */
static void program_name(char *name, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');

    format_buffer(name, size, "%s", slash != NULL ? slash + 1 : path);
    for (char *c = name; *c != 0; c++) {
        if (*c <= ' ' || *c > '~')
            *c = '?';
    }
    if (*name == 0)
        format_buffer(name, size, "?");
}

static enum error refuse(struct proc_spawn_reply *r, enum error error, const char *cause)
{
    format_buffer(r->cause, sizeof(r->cause), "%s", cause);
    return error;
}

/* Copies the arguments out of the window, where the parent may still write, and checks the copy. */
static enum error copy_args(const struct proc_spawn_request *q, char *args, struct proc_spawn_reply *r)
{
    uint64_t strings = 0;

    memcpy(args, (const char *)WINDOW_PROGRAM + q->args_offset, q->args_length);
    for (uint64_t i = 0; i < q->args_length; i++)
        strings += args[i] == 0;
    if (strings == 0 || q->arg_count == 0 || strings < q->arg_count || args[q->args_length - 1] != 0)
        return refuse(r, ERR_BAD_ARG, "arguments are not that many terminated strings");
    return ERR_OK;
}

static unsigned children_of(const struct process *parent)
{
    struct process *process;
    unsigned count = 0;

    for (uint64_t number = 0; (process = process_next(number)) != NULL; number = process->number + 1)
        count += process->described == NOT_DESCRIBED && process->parent == parent->number;
    return count;
}

static enum error check_request(const struct process *parent, const struct proc_spawn_request *q,
                                struct proc_spawn_reply *r)
{
    if (parent->described == NOT_DESCRIBED || !description.process[parent->described].spawns)
        return refuse(r, ERR_DENIED, "the system description gives this process no programs");
    if (q->image_length > MAX_IMAGE_BYTES)
        return refuse(r, ERR_TOO_LONG, "program is larger than 64 MiB");
    if (q->args_length > sizeof(((struct start_info *)0)->args))
        return refuse(r, ERR_TOO_LONG, "arguments are longer than 2048 bytes together");
    if (q->args_length == 0 || q->args_offset > 2 * MAX_IMAGE_BYTES)
        return refuse(r, ERR_BAD_ARG, "no arguments, or too far away");
    if (children_of(parent) >= MAX_CHILDREN)
        return refuse(r, ERR_TOO_MANY, "too many programs of this process run or have not been asked for");
    return ERR_OK;
}

/* The program and its arguments are in the window. */
static enum error spawn_mapped(const struct process *parent, const struct proc_spawn_request *q,
                               struct proc_spawn_reply *r)
{
    static char args[sizeof(((struct start_info *)0)->args)];
    struct program program = {.file = (const uint8_t *)WINDOW_PROGRAM, .size = q->image_length};
    char name[sizeof(((struct process *)0)->name)];

    enum error error = copy_args(q, args, r);
    if (error)
        return error;
    enum elf_error elf_error = elf_open(&program.elf, program.file, program.size);
    if (elf_error)
        return refuse(r, ERR_BAD_PROGRAM, elf_strerror(elf_error));
    program_name(name, sizeof(name), args);
    struct process *process =
        process_new(name, NOT_DESCRIBED, parent->number, &description.process[parent->described].programs);
    if (process == NULL)
        return refuse(r, ERR_TOO_MANY, "too many processes");
    error = process_create(process, &program, args, q->args_length, (unsigned)q->arg_count);
    if (error) {
        refuse(r, error, process->cause);
        process_forget(process);
        return error;
    }
    r->process = process->number;
    return ERR_OK;
}

enum error spawn(const struct process *parent, cap_t segment, const struct proc_spawn_request *q,
                 struct proc_spawn_reply *r)
{
    enum error error = check_request(parent, q, r);

    if (error)
        return error;
    uint64_t args_end = q->args_offset + q->args_length;
    uint64_t length = q->image_length > args_end ? q->image_length : args_end;
    error = window_open(segment, WINDOW_PROGRAM, length, MM_READ);
    if (error)
        return refuse(r, error, "its segment cannot be mapped, or is shorter than was said");
    error = spawn_mapped(parent, q, r);
    window_close(WINDOW_PROGRAM, length);
    return error;
}
