/* SPDX-License-Identifier: MIT */
/*
 * cp, and `write`, which copies what is typed. What is made has another name until it is whole, so that
 * nobody ever sees half a file, and what had the name before is there until then.
 */
#include "commands.h"
#include "shell.h"

#include <client/fs.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 0x10000
#define FILE_MODE   0644

/* A file that is being made. */
struct making {
    const char *path; /* that it gets */
    char own[PATH_SIZE];
    uint64_t handle, position;
};

/* The name that a file has until it is whole: in the same directory, and never too long. */
static enum error name_of_own(char own[PATH_SIZE], const char *path)
{
    static unsigned number;
    const char *slash = strrchr(path, '/');
    size_t length = (size_t)(slash + 1 - path);

    if (length + 32 >= PATH_SIZE)
        return ERR_NAME_TOO_LONG;
    memcpy(own, path, length);
    snprintf(own + length, 32, ".new.%u.%llu", ++number, (unsigned long long)rt_ticks());
    return ERR_OK;
}

static enum error making_begin(struct making *making, const char *path, unsigned mode)
{
    enum error error = name_of_own(making->own, path);

    making->path = path;
    making->position = 0;
    return error ? error : file_create(making->own, 0, FS_CREATE | FS_EXCLUSIVE, mode, &making->handle, NULL);
}

/* The file gets its name, or goes. */
static enum error making_end(struct making *making, enum error error)
{
    file_close(making->handle);
    if (!error)
        error = file_rename(making->own, making->path, 0);
    if (error)
        file_remove(making->own);
    return error;
}

static bool is_zero(const void *bytes, size_t count)
{
    const uint64_t *words = bytes;

    for (size_t i = 0; i < count / sizeof(*words); i++)
        if (words[i] != 0)
            return false;
    return count % sizeof(*words) == 0;
}

/* Copies what an open file holds; what is zero stays a hole. */
static enum error copy_content(uint64_t from, struct making *making, uint64_t size)
{
    enum error error = ERR_OK;
    const void *bytes;
    size_t count = 1, written;

    while (!error && count > 0 && !input_interrupted()) {
        error = file_read_shared(from, making->position, PIECE_BYTES, &bytes, &count);
        if (!error && count > 0 && !is_zero(bytes, count))
            error = file_write(making->handle, making->position, bytes, count, &written);
        making->position += error ? 0 : count;
    }
    if (!error && !input_interrupted())
        error = file_truncate(making->handle, making->position > size ? making->position : size);
    return !error && input_interrupted() ? ERR_CANCELLED : error;
}

static enum error copy_file(const char *from, const char *to)
{
    struct making making;
    struct fs_stat stat, there;
    uint64_t handle;
    enum error error = file_open(from, 0, 0, &handle, &stat);

    if (error)
        return error;
    if (!file_stat(to, 0, &there) && there.inode == stat.inode)
        error = ERR_IN_USE;
    if (!error)
        error = making_begin(&making, to, stat.mode & 0777);
    if (!error)
        error = making_end(&making, copy_content(handle, &making, stat.size));
    file_close(handle);
    return error;
}

static enum error copy_link(const char *from, const char *to)
{
    static char target[PATH_SIZE];
    size_t length = 0;
    uint64_t handle;
    enum error error = file_open(from, 0, FS_NOFOLLOW, &handle, NULL);

    if (error)
        return error;
    error = file_readlink(handle, target, sizeof(target) - 1, &length);
    file_close(handle);
    target[length < sizeof(target) ? length : 0] = 0;
    return error ? error : file_symlink(target, to);
}

/* Where a copy is: both paths grow and shrink with the tree. */
struct copying {
    char from[PATH_SIZE], to[PATH_SIZE];
};

static bool append_name(char path[PATH_SIZE], const struct name *name)
{
    size_t length = strlen(path);

    if (length + 1 + name->length >= PATH_SIZE)
        return false;
    path[length] = '/';
    memcpy(path + length + 1, name->text, name->length + 1);
    return true;
}

static int copy_tree(struct copying *copying);

static int copy_directory(struct copying *copying, const struct fs_stat *stat)
{
    size_t from = strlen(copying->from), to = strlen(copying->to);
    struct name_list names = {0};
    int status = 0;
    enum error error = directory_make(copying->to, stat->mode & 0777);

    if (error == ERR_EXISTS && is_directory(copying->to))
        error = ERR_OK;
    if (!error)
        error = list_names(copying->from, &names);
    for (size_t i = 0; !error && i < names.count && !input_interrupted(); i++) {
        if (!append_name(copying->from, &names.name[i]) || !append_name(copying->to, &names.name[i]))
            status = complain_error("cp", names.name[i].text, ERR_NAME_TOO_LONG);
        else if (copy_tree(copying) != 0)
            status = STATUS_FAILED;
        copying->from[from] = copying->to[to] = 0;
    }
    name_list_free(&names);
    return error ? complain_file("cp", copying->to, error) : status;
}

static int copy_tree(struct copying *copying)
{
    struct fs_stat stat;
    enum error error = file_stat(copying->from, FS_NOFOLLOW, &stat);

    if (error)
        return complain_file("cp", copying->from, error);
    switch (stat.type) {
    case FS_DIRECTORY: return copy_directory(copying, &stat);
    case FS_SYMLINK: error = copy_link(copying->from, copying->to); break;
    case FS_FILE: error = copy_file(copying->from, copying->to); break;
    default: return complain("cp", copying->from, "not a regular file");
    }
    return error ? complain_file("cp", copying->to, error) : 0;
}

/* Whether `below` is `path` or lies below it, as text. */
static bool is_inside(const char *below, const char *path)
{
    size_t length = strlen(path);

    return strncmp(below, path, length) == 0 && (below[length] == 0 || below[length] == '/');
}

static int copy_path(const char *from, const char *to, bool recursive)
{
    static struct copying copying;
    struct fs_stat stat;
    enum error error = path_of(copying.from, from);

    if (!error)
        error = path_in(copying.to, to, from);
    if (!error)
        error = file_stat(copying.from, recursive ? FS_NOFOLLOW : 0, &stat);
    if (error)
        return complain_file("cp", from, error);
    path_normalise(copying.from);
    if (recursive) {
        path_normalise(copying.to);
        if (stat.type == FS_DIRECTORY && is_inside(copying.to, copying.from))
            return complain("cp", from, "cannot be copied into itself");
        return copy_tree(&copying);
    }
    if (stat.type == FS_DIRECTORY)
        return complain("cp", from, "is a directory; -r copies it");
    if (stat.type != FS_FILE)
        return complain("cp", from, "not a regular file");
    error = copy_file(copying.from, copying.to);
    if (error == ERR_IN_USE)
        return complain("cp", from, "is the same file as the copy");
    return error ? complain_file("cp", to, error) : 0;
}

int command_cp(int argc, char **argv)
{
    char letters[4], to[PATH_SIZE];
    int first = read_letters(argc, argv, "r", letters), status = 0;

    if (first == 0 || argc - first < 2)
        return command_usage("cp");
    if (argc - first > 2 && (path_of(to, argv[argc - 1]) || !is_directory(to)))
        return complain_error("cp", argv[argc - 1], ERR_NOT_DIR);
    for (int i = first; i < argc - 1 && !input_interrupted(); i++) {
        int result = copy_path(argv[i], argv[argc - 1], letters[0] != 0);
        status = result != 0 ? result : status;
    }
    return status;
}

/* --- What is typed --- */

int command_write(int argc, char **argv)
{
    static struct making making;
    char path[PATH_SIZE];
    const char *line;
    size_t length, written;
    enum error error = path_of(path, argv[1]);

    (void)argc;
    if (!error)
        error = making_begin(&making, path, FILE_MODE);
    if (error)
        return complain_file("write", argv[1], error);
    while (!error && input_text(&line, &length)) {
        error = file_write(making.handle, making.position, line, length, &written);
        making.position += length;
    }
    error = making_end(&making, shell.interrupted ? ERR_CANCELLED : error);
    return error && error != ERR_CANCELLED ? complain_file("write", argv[1], error) : 0;
}
