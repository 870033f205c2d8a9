/* SPDX-License-Identifier: MIT */
/* Commands about files: cat, cd, pwd, stat. */
#include "commands.h"
#include "shell.h"

#include <client/fs.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define READ_BYTES  0x4000 /* between two looks for ctrl-c */
#define WRITE_BYTES 0x1000

enum error open_path(const char *path, uint64_t flags, uint64_t *handle, struct fs_stat *stat)
{
    char joined[PATH_SIZE];
    enum error error = path_join(joined, shell.directory, path);

    return error ? error : file_open(joined, 0, flags, handle, stat);
}

/* Opens what can be read as a file; complains when that fails. */
static bool open_file(const char *command, const char *path, uint64_t *handle)
{
    struct fs_stat stat;
    enum error error = open_path(path, 0, handle, &stat);

    if (!error && stat.type == FS_FILE)
        return true;
    if (!error)
        file_close(*handle);
    if (!error && stat.type != FS_DIRECTORY)
        complain(command, path, "not a regular file");
    else
        complain_file(command, path, error ? error : ERR_IS_DIR);
    return false;
}

static void print_bytes(const char *bytes, size_t count)
{
    for (size_t done = 0; done < count && !input_interrupted();) {
        size_t piece = count - done < WRITE_BYTES ? count - done : WRITE_BYTES;
        if (rt_stdout_write(bytes + done, piece))
            return;
        done += piece;
    }
}

static int cat(const char *path)
{
    uint64_t handle, position = 0;
    enum error error = ERR_OK;
    const void *data;
    size_t count = 1;
    bool opened = open_file("cat", path, &handle);

    while (opened && count > 0 && !input_interrupted()) {
        error = file_read_shared(handle, position, READ_BYTES, &data, &count);
        if (error) {
            complain_file("cat", path, error);
            break;
        }
        print_bytes(data, count);
        position += count;
    }
    if (opened)
        file_close(handle);
    return !opened || error ? STATUS_FAILED : 0;
}

int command_cat(int argc, char **argv)
{
    int status = 0;

    fflush(stdout);
    for (int i = 1; i < argc && !input_interrupted(); i++) {
        int result = cat(argv[i]);
        status = result != 0 ? result : status;
    }
    return status;
}

/* Whether there is a directory at an absolute path. */
static enum error check_directory(const char *path)
{
    struct fs_stat stat;
    enum error error = file_stat(path, 0, &stat);

    return !error && stat.type != FS_DIRECTORY ? ERR_NOT_DIR : error;
}

int command_cd(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "/";
    char joined[PATH_SIZE];
    enum error error = path_join(joined, shell.directory, path);

    /* As the file server reads it, so that every name of it must exist; and as pwd will show it, where ..
     * takes away the name before it, which may be one of a symbolic link. */
    if (!error)
        error = check_directory(joined);
    if (!error) {
        path_normalise(joined);
        error = check_directory(joined);
    }
    if (error)
        return complain_file("cd", path, error);
    strcpy(shell.directory, joined);
    return 0;
}

int command_pwd(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_name(shell.directory, strlen(shell.directory));
    printf("\n");
    return 0;
}

static char type_letter(uint32_t type)
{
    static const char letters[] = "?-dlcbps";

    return type < sizeof(letters) - 1 ? letters[type] : '?';
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {"unknown",          "file",         "directory", "symbolic link",
                                        "character device", "block device", "fifo",      "socket"};

    return type < sizeof(names) / sizeof(names[0]) ? names[type] : names[0];
}

void format_mode(char text[11], const struct fs_stat *stat)
{
    static const char special[] = "sst"; /* set user id, set group id, sticky */

    text[0] = type_letter(stat->type);
    for (unsigned i = 0; i < 9; i++)
        text[1 + i] = stat->mode >> (8 - i) & 1 ? "rwx"[i % 3] : '-';
    for (unsigned i = 0; i < 3; i++) {
        char *execute = &text[3 * i + 3];
        if (stat->mode >> (11 - i) & 1)
            *execute = *execute == 'x' ? special[i] : (char)(special[i] - 'a' + 'A');
    }
    text[10] = 0;
}

void format_time(char *text, size_t size, const char *form, int64_t seconds)
{
    const int64_t last = 253402300799; /* of the year 9999 */
    time_t time = (time_t)seconds;
    struct tm tm;

    if (seconds < -last || seconds > last || gmtime_r(&time, &tm) == NULL ||
        strftime(text, size, form, &tm) == 0) {
        snprintf(text, size, "%lld s", (long long)seconds);
    }
}

void print_target(uint64_t handle)
{
    static char target[PATH_SIZE];
    size_t length = 0;

    if (!file_readlink(handle, target, sizeof(target), &length)) {
        printf(" -> ");
        print_name(target, length);
    }
}

static void print_time(const char *label, int64_t seconds)
{
    char text[40];

    format_time(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", seconds);
    printf("%10s: %s\n", label, text);
}

static int stat_path(const char *path)
{
    uint64_t handle;
    struct fs_stat stat;
    enum error error = open_path(path, FS_NOFOLLOW, &handle, &stat);
    char mode[11];

    if (error)
        return complain_file("stat", path, error);
    printf("%10s: ", "Name");
    print_name(path, strlen(path));
    if (stat.type == FS_SYMLINK)
        print_target(handle);
    file_close(handle);
    format_mode(mode, &stat);
    printf("\n%10s: %s\n", "Type", type_name(stat.type));
    printf("%10s: %llu bytes, %llu blocks of 512\n", "Size", (unsigned long long)stat.size,
           (unsigned long long)stat.blocks);
    printf("%10s: %04o (%s), owner %u, group %u\n", "Mode", (unsigned)stat.mode, mode, (unsigned)stat.uid,
           (unsigned)stat.gid);
    printf("%10s: %llu, %u links\n", "Inode", (unsigned long long)stat.inode, (unsigned)stat.links);
    print_time("Modified", stat.mtime);
    print_time("Changed", stat.ctime);
    print_time("Accessed", stat.atime);
    return 0;
}

int command_stat(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc && !input_interrupted(); i++) {
        int result = stat_path(argv[i]);
        status = result != 0 ? result : status;
    }
    return status;
}

int command_df(int argc, char **argv)
{
    struct fs_info_reply info = {0};
    enum error error = fs_get_info(&info);

    (void)argc;
    (void)argv;
    if (error || !info.mounted)
        return complain_file("df", "/", error ? error : ERR_NO_FS);
    uint64_t unit = info.block_size, used = info.blocks - info.free_blocks;
    printf("%10s: %.*s, %.*s file system \"%.*s\"%s\n", "Disk", (int)sizeof(info.device), info.device,
           (int)sizeof(info.type), info.type, (int)sizeof(info.label), info.label,
           info.read_only ? ", read-only" : "");
    printf("%10s: %llu KiB\n", "Size", (unsigned long long)(info.blocks * unit >> 10));
    printf("%10s: %llu KiB, %llu percent\n", "Used", (unsigned long long)(used * unit >> 10),
           (unsigned long long)(info.blocks > 0 ? (used * 100 + info.blocks - 1) / info.blocks : 0));
    printf("%10s: %llu KiB\n", "Free", (unsigned long long)(info.free_blocks * unit >> 10));
    printf("%10s: %llu of %llu free\n", "Inodes", (unsigned long long)info.free_inodes,
           (unsigned long long)info.inodes);
    return 0;
}
