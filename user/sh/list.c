/* SPDX-License-Identifier: MIT */
/* ls */
#include "commands.h"
#include "shell.h"

#include <client/fs.h>
#include <stdio.h>
#include <string.h>

struct listing {
    bool all, details;
    bool no_memory;
    struct name_list names;
};

static bool collect(void *context, const struct fs_entry *entry)
{
    struct listing *listing = context;
    bool hidden = entry->name_length > 0 && entry->name[0] == '.';

    if (listing->names.count % 64 == 63 && input_interrupted())
        return false;
    if (!hidden || listing->all)
        listing->no_memory = !name_list_add(&listing->names, entry->name, entry->name_length, false);
    return !listing->no_memory;
}

static void print_details(const char *name, uint64_t handle, const struct fs_stat *stat)
{
    char mode[11], time[40];

    format_mode(mode, stat);
    format_time(time, sizeof(time), "%Y-%m-%d %H:%M", stat->mtime);
    printf("%s %10llu %s ", mode, (unsigned long long)stat->size, time);
    print_name(name, strlen(name));
    if (stat->type == FS_SYMLINK)
        print_target(handle);
    printf("\n");
}

/* One line for a name in a directory that is open. */
static int list_details(const char *name, uint64_t directory)
{
    uint64_t handle;
    struct fs_stat stat;
    enum error error = file_open(name, directory, FS_NOFOLLOW, &handle, &stat);

    if (error)
        return complain_file("ls", name, error);
    print_details(name, handle, &stat);
    file_close(handle);
    return 0;
}

static void write_out(void *context, const char *bytes, size_t count)
{
    fwrite(bytes, 1, count, context);
}

/* The entries of an open directory. */
static int list_directory(const char *path, uint64_t directory, struct listing *listing)
{
    int status = 0;
    enum error error = directory_list(directory, collect, listing);

    if (!error && listing->no_memory)
        error = ERR_NO_MEMORY;
    if (error)
        return complain_file("ls", path, error);
    if (input_interrupted())
        return STATUS_INTERRUPTED;
    name_list_sort(&listing->names);
    if (!listing->details) {
        name_list_print(&listing->names, SIZE_MAX, shell.columns, false, write_out, stdout);
        return 0;
    }
    for (size_t i = 0; i < listing->names.count && !input_interrupted(); i++) {
        int result = list_details(listing->names.name[i].text, directory);
        status = result != 0 ? result : status;
    }
    return status;
}

/* A path of the command line; `heading` when there are several. */
static int list_path(const char *path, const struct listing *how, bool heading)
{
    struct listing listing = {.all = how->all, .details = how->details};
    uint64_t handle;
    struct fs_stat stat;
    int status = 0;
    enum error error = open_path(path, how->details ? FS_NOFOLLOW : 0, &handle, &stat);

    if (error)
        return complain_file("ls", path, error);
    if (stat.type == FS_DIRECTORY) {
        if (heading) {
            print_name(path, strlen(path));
            printf(":\n");
        }
        status = list_directory(path, handle, &listing);
    } else if (how->details) {
        print_details(path, handle, &stat);
    } else {
        print_name(path, strlen(path));
        printf("\n");
    }
    name_list_free(&listing.names);
    file_close(handle);
    return status;
}

/* Returns the index of the first path, or 0 when an option is wrong. */
static int read_options(int argc, char **argv, struct listing *how)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1] != 0; i++) {
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        if (strspn(argv[i] + 1, "al") != strlen(argv[i] + 1))
            return 0;
        how->all |= strchr(argv[i], 'a') != NULL;
        how->details |= strchr(argv[i], 'l') != NULL;
    }
    return i;
}

int command_ls(int argc, char **argv)
{
    struct listing how = {.all = false};
    int first = read_options(argc, argv, &how), status = 0;

    if (first == 0)
        return command_usage("ls");
    if (first == argc)
        return list_path(shell.directory, &how, false);
    for (int i = first; i < argc && !input_interrupted(); i++) {
        int result = list_path(argv[i], &how, argc - first > 1);
        status = result != 0 ? result : status;
    }
    return status;
}
