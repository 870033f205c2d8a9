/* SPDX-License-Identifier: MIT */
/* Commands that change files: ln, mkdir, mv, rm, rmdir, sync, touch. */
#include "commands.h"
#include "shell.h"

#include <client/fs.h>
#include <stdio.h>
#include <string.h>

#define FILE_MODE      0644
#define DIRECTORY_MODE 0755

enum error path_of(char joined[PATH_SIZE], const char *path)
{
    return path_join(joined, shell.directory, path);
}

int read_letters(int argc, char **argv, const char *letters, char *given)
{
    int i = 1;

    *given = 0;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != 0; i++) {
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        if (strspn(argv[i] + 1, letters) != strlen(argv[i] + 1))
            return 0;
        for (const char *c = argv[i] + 1; *c != 0; c++)
            if (strchr(given, *c) == NULL)
                strncat(given, c, 1);
    }
    return i;
}

static const char *last_name(const char *path)
{
    const char *end = path + strlen(path), *name;

    while (end > path && end[-1] == '/')
        end--;
    for (name = end; name > path && name[-1] != '/'; name--)
        continue;
    return name;
}

bool is_directory(const char *path)
{
    struct fs_stat stat;

    return !file_stat(path, 0, &stat) && stat.type == FS_DIRECTORY;
}

enum error path_in(char joined[PATH_SIZE], const char *to, const char *from)
{
    char directory[PATH_SIZE];
    enum error error = path_of(directory, to);

    if (!error && is_directory(directory))
        return path_join(joined, directory, last_name(from));
    strcpy(joined, directory);
    return error;
}

/* Does something for each path; the status of the last one that failed. */
static int each_path(int argc, char **argv, int first, enum error (*act)(const char *path))
{
    char path[PATH_SIZE];
    int status = 0;

    for (int i = first; i < argc && !input_interrupted(); i++) {
        enum error error = path_of(path, argv[i]);
        if (!error)
            error = act(path);
        if (error)
            status = complain_file(argv[0], argv[i], error);
    }
    return status;
}

static enum error make_directory(const char *path)
{
    return directory_make(path, DIRECTORY_MODE);
}

/* With all directories above it that are not there. */
static enum error make_directories(const char *path)
{
    char part[PATH_SIZE];
    enum error error = ERR_OK;

    for (const char *end = path; *end != 0 && (!error || error == ERR_EXISTS);) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        memcpy(part, path, (size_t)(end - path));
        part[end - path] = 0;
        error = make_directory(part);
    }
    return error == ERR_EXISTS && is_directory(path) ? ERR_OK : error;
}

int command_mkdir(int argc, char **argv)
{
    char letters[4];
    int first = read_letters(argc, argv, "p", letters);

    if (first == 0 || first == argc)
        return command_usage("mkdir");
    return each_path(argc, argv, first, letters[0] != 0 ? make_directories : make_directory);
}

int command_rmdir(int argc, char **argv)
{
    return each_path(argc, argv, 1, directory_remove);
}

/* Makes a file, or gives one that is there the time of now. */
static enum error touch(const char *path)
{
    struct fs_set_request request = {.which = FS_SET_ATIME | FS_SET_MTIME | FS_SET_NOW};
    struct fs_stat stat;
    enum error error = file_open(path, 0, 0, &request.handle, &stat);

    if (error == ERR_NOT_FOUND)
        error = file_create(path, 0, FS_CREATE, FILE_MODE, &request.handle, &stat);
    if (error)
        return error;
    error = file_set(&request);
    file_close(request.handle);
    return error;
}

int command_touch(int argc, char **argv)
{
    return each_path(argc, argv, 1, touch);
}

/* --- Moving and linking --- */

int command_mv(int argc, char **argv)
{
    char from[PATH_SIZE], to[PATH_SIZE], letters[4];
    int first = read_letters(argc, argv, "nx", letters), status = 0;
    uint64_t flags = strchr(letters, 'x') != NULL   ? FS_RENAME_EXCHANGE
                     : strchr(letters, 'n') != NULL ? FS_RENAME_NEW
                                                    : 0;

    if (first == 0 || argc - first < 2)
        return command_usage("mv");
    if (argc - first > 2 && (path_of(to, argv[argc - 1]) || !is_directory(to)))
        return complain_error("mv", argv[argc - 1], ERR_NOT_DIR);
    for (int i = first; i < argc - 1 && !input_interrupted(); i++) {
        enum error error = path_of(from, argv[i]);
        if (!error)
            error = flags & FS_RENAME_EXCHANGE ? path_of(to, argv[argc - 1])
                                               : path_in(to, argv[argc - 1], argv[i]);
        if (!error)
            error = file_rename(from, to, flags);
        if (error == ERR_BAD_ARG)
            status = complain("mv", argv[i], "cannot be moved there: into itself, or no name");
        else if (error)
            status = complain_file("mv", error == ERR_NOT_FOUND ? argv[i] : argv[argc - 1], error);
    }
    return status;
}

int command_ln(int argc, char **argv)
{
    char from[PATH_SIZE], to[PATH_SIZE], letters[4];
    int first = read_letters(argc, argv, "s", letters);

    if (first == 0 || argc - first != 2)
        return command_usage("ln");
    enum error error = path_in(to, argv[first + 1], argv[first]);
    if (!error && letters[0] != 0) {
        error = file_symlink(argv[first], to);
    } else if (!error) {
        error = path_of(from, argv[first]);
        if (!error)
            error = file_link(from, to);
        if (error == ERR_NOT_FOUND || error == ERR_IS_DIR)
            return complain_file("ln", argv[first], error);
    }
    return error ? complain_file("ln", argv[first + 1], error) : 0;
}

/* --- Removing --- */

static bool collect(void *context, const struct fs_entry *entry)
{
    bool dots = entry->name[0] == '.' &&
                (entry->name_length == 1 || (entry->name_length == 2 && entry->name[1] == '.'));

    return dots || name_list_add(context, entry->name, entry->name_length, false);
}

enum error list_names(const char *path, struct name_list *names)
{
    uint64_t handle;
    enum error error = file_open(path, 0, FS_NOFOLLOW, &handle, NULL);

    if (error)
        return error;
    error = directory_list(handle, collect, names);
    file_close(handle);
    return error;
}

/* Removes what is at `path`, of `length` bytes, with all that is below it. The path is used for names further
 * down, and as before when it returns. */
static int remove_tree(char path[PATH_SIZE], size_t length, bool force)
{
    struct name_list names = {0};
    struct fs_stat stat;
    int status = 0;
    enum error error = file_stat(path, FS_NOFOLLOW, &stat);

    if (!error && stat.type != FS_DIRECTORY)
        error = file_remove(path);
    else if (!error)
        error = list_names(path, &names);
    for (size_t i = 0; !error && i < names.count && !input_interrupted(); i++) {
        if (length + 1 + names.name[i].length >= PATH_SIZE) {
            error = ERR_NAME_TOO_LONG;
            break;
        }
        path[length] = '/';
        memcpy(path + length + 1, names.name[i].text, names.name[i].length + 1);
        int result = remove_tree(path, length + 1 + names.name[i].length, force);
        status = result != 0 ? result : status;
        path[length] = 0;
    }
    name_list_free(&names);
    if (!error && stat.type == FS_DIRECTORY && status == 0 && !input_interrupted())
        error = directory_remove(path);
    if (error && !(force && error == ERR_NOT_FOUND))
        status = complain_file("rm", path, error);
    return status;
}

static int remove_path(const char *path, bool recursive, bool force)
{
    static char whole[PATH_SIZE];
    enum error error = path_of(whole, path);
    size_t length = error ? 0 : strlen(whole);

    while (length > 1 && whole[length - 1] == '/')
        whole[--length] = 0;
    if (!error && strcmp(whole, "/") == 0)
        return complain("rm", path, "is the root, and stays");
    if (!error && recursive)
        return remove_tree(whole, length, force);
    if (!error)
        error = file_remove(whole);
    return error && !(force && error == ERR_NOT_FOUND) ? complain_file("rm", path, error) : 0;
}

int command_rm(int argc, char **argv)
{
    char letters[4];
    int first = read_letters(argc, argv, "rf", letters), status = 0;

    if (first == 0 || first == argc)
        return command_usage("rm");
    for (int i = first; i < argc && !input_interrupted(); i++) {
        int result = remove_path(argv[i], strchr(letters, 'r') != NULL, strchr(letters, 'f') != NULL);
        status = result != 0 ? result : status;
    }
    return status;
}

int command_sync(int argc, char **argv)
{
    enum error error = fs_sync_all();

    (void)argc;
    (void)argv;
    if (error == ERR_STALE)
        return complain("sync", "file system", "fs was restarted: what was changed before may be lost");
    return error ? complain_file("sync", "file system", error) : 0;
}
