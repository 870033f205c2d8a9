/* SPDX-License-Identifier: MIT */
/*
 * Writes files whose content a test on the build machine can tell (tests/lib/written.py). What it does,
 * the name of its process says.
 */
#include <client/fs.h>
#include <rt/rt.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE       0x10000
#define FACTOR      0x9e3779b97f4a7c15ull
#define FILES       8     /* that `rewrite` gives new content in turn */
#define LINE_BYTES  14    /* of its log */
#define PAUSE_US    20000 /* that `paced` makes, so that what is on the disk is known when it says so */
#define NAMES       2000
#define LARGE_BYTES (64 << 20)
#define SPARSE_AT   0x140000005ull

static uint64_t words[PIECE / 8];
static cap_t timer, bell;

static void must(enum error error, const char *what)
{
    if (!error)
        return;
    printf("writer: failed: %s: %s\n", what, error_text(error));
    fflush(stdout);
    exit(1);
}

static void fill(uint64_t number)
{
    for (unsigned i = 0; i < PIECE / 8; i++)
        words[i] = number * FACTOR;
}

/* What fs answers when it was restarted and has forgotten what was open. */
static bool is_forgotten(enum error error)
{
    return error == ERR_PEER_GONE || error == ERR_STALE || error == ERR_NO_FS;
}

static enum error write_file(const char *path, uint64_t flags, uint64_t position, const void *bytes,
                             size_t size, bool sync)
{
    uint64_t handle;
    size_t count = 0;
    enum error error = file_create(path, 0, FS_CREATE | flags, 0644, &handle, NULL);

    if (error)
        return error;
    error = file_write(handle, position, bytes, size, &count);
    if (!error && sync)
        error = file_sync(handle);
    file_close(handle);
    return !error && count != size ? ERR_IO : error;
}

/* --- rewrite: files get new content for ever; what was synced, it says --- */

static enum error step(unsigned number)
{
    char name[32], line[LINE_BYTES + 1];
    enum error error;

    fill(number);
    snprintf(name, sizeof(name), "/w/f%u", number % FILES);
    snprintf(line, sizeof(line), "line %08u\n", number);
    error = write_file("/w/t", FS_TRUNCATE, 0, words, 100 + number * 7919ull % 40000, true);
    if (!error)
        error = file_rename("/w/t", name, 0);
    if (!error)
        error = write_file("/w/log", 0, (uint64_t)number * LINE_BYTES, line, LINE_BYTES, true);
    return error;
}

static void rewrite(uint64_t pause)
{
    struct fs_stat stat = {0};
    enum error error = directory_make("/w", 0755);

    must(error == ERR_EXISTS ? ERR_OK : error, "mkdir");
    file_stat("/w/log", 0, &stat);
    for (unsigned number = (unsigned)(stat.size / LINE_BYTES);; number++) {
        unsigned tries = 0;
        while (is_forgotten(error = step(number)) && tries++ < 100)
            continue;
        must(error, "step");
        printf("synced %u\n", number);
        fflush(stdout);
        if (pause && !timer_set(timer, bell, rt_ticks() + rt_ticks_of_us(pause), 0))
            notification_wait(bell);
    }
}

/* --- many: a directory of many names, long and short --- */

static void name_of(char path[FS_MAX_NAME + 8], unsigned number)
{
    int used = sprintf(path, "/m/%05u", number);

    if (number % 3 == 0)
        memset(path + used, 'a' + number % 26, FS_MAX_NAME + 3 - (unsigned)used);
    path[number % 3 == 0 ? FS_MAX_NAME + 3 : used] = 0;
}

static void many(void)
{
    char path[FS_MAX_NAME + 8], other[FS_MAX_NAME + 8];

    must(directory_make("/m", 0755), "mkdir");
    for (unsigned i = 0; i < NAMES; i++) {
        name_of(path, i);
        must(write_file(path, FS_EXCLUSIVE, 0, path, i % 50, false), path);
    }
    for (unsigned i = 1; i < NAMES; i += 2) {
        name_of(path, i);
        must(file_remove(path), path);
    }
    for (unsigned i = 0; i < NAMES; i += 10) {
        name_of(path, i);
        snprintf(other, sizeof(other), "/m/moved%u", i);
        must(file_rename(path, other, FS_RENAME_NEW), path);
    }
    strcpy(path, "/m/");
    memset(path + 3, 'x', FS_MAX_NAME + 1);
    path[FS_MAX_NAME + 4] = 0;
    must(write_file(path, 0, 0, "", 0, false) == ERR_NAME_TOO_LONG ? ERR_OK : ERR_BAD_ARG, "256 bytes");
    must(fs_sync_all(), "sync");
}

/* --- large: 64 MiB while four others grow, and a file with holes --- */

static void large(void)
{
    uint64_t handle[5], size;
    char path[16];
    size_t count;

    for (unsigned i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "/large%u", i);
        must(file_create(path, 0, FS_CREATE, 0644, &handle[i], NULL), path);
    }
    for (uint64_t at = 0; at < LARGE_BYTES; at += PIECE) {
        fill(at / PIECE);
        must(file_write(handle[0], at, words, PIECE, &count), "write");
        for (unsigned i = 1; i < 5 && at % (16 * PIECE) == 0; i++)
            must(file_write(handle[i], at / 16, words, PIECE, &count), "write");
    }
    for (unsigned i = 0; i < 5; i++)
        file_close(handle[i]);
    must(write_file("/sparse", 0, 0, "begin", 5, false), "sparse");
    must(write_file("/sparse", 0, SPARSE_AT, "end", 3, false), "sparse");
    must(file_create("/sparse", 0, 0, 0, &handle[0], NULL), "sparse");
    size = SPARSE_AT + 100000;
    must(file_truncate(handle[0], size), "truncate");
    must(file_sync(handle[0]), "fsync");
    file_close(handle[0]);
    must(fs_sync_all(), "sync");
}

/* --- libc: the C library's functions --- */

static void expect(bool good, const char *what)
{
    if (good)
        return;
    printf("writer: failed: %s\n", what);
    exit(1);
}

static void with_libc(void)
{
    char line[64];
    FILE *file = fopen("/libc", "w");

    expect(file && fprintf(file, "%d lines\n", 3) == 8 && fclose(file) == 0, "w");
    file = fopen("/libc", "a");
    expect(file && fputs("two\n", file) >= 0 && fclose(file) == 0, "a");
    file = fopen("/libc", "r+");
    expect(file && fgets(line, sizeof(line), file) && strcmp(line, "3 lines\n") == 0, "r+");
    expect(fseek(file, 0, SEEK_END) == 0 && ftell(file) == 12 && fputs("three\n", file) >= 0,
           "seek to the end");
    expect(fseek(file, 0, SEEK_SET) == 0 && fputc('4', file) == '4' && fclose(file) == 0,
           "seek to the start");
    expect(open("/libc", O_CREAT | O_EXCL | O_WRONLY, 0644) == -1 && errno == EEXIST, "exclusive");
    expect(!fopen("/none/a", "w") && errno == ENOENT, "no directory");
    expect(mkdir("/dir", 0700) == 0 && rename("/libc", "/dir/moved") == 0, "rename");
    expect(rmdir("/dir") == -1 && errno == ENOTEMPTY, "rmdir");
    int number = open("/open", O_RDWR | O_CREAT, 0644);
    expect(number > 2 && unlink("/open") == 0 && write(number, "no name", 7) == 7, "write what has no name");
    expect(lseek(number, 3, SEEK_SET) == 3 && read(number, line, sizeof(line)) == 4, "read what has no name");
    expect(memcmp(line, "name", 4) == 0 && close(number) == 0, "what has no name is as it was written");
    file = fopen("/gone", "w");
    expect(file && fclose(file) == 0 && remove("/gone") == 0 && !fopen("/gone", "r"), "remove");
}

int main(void)
{
    must(object_make(OBJ_TIMER, 0, &timer), "make a timer");
    must(object_make(OBJ_NOTIFICATION, 0, &bell), "make a notification");
    if (strcmp(rt_name(), "rewrite") == 0)
        rewrite(0);
    else if (strcmp(rt_name(), "paced") == 0)
        rewrite(PAUSE_US);
    else if (strcmp(rt_name(), "many") == 0)
        many();
    else if (strcmp(rt_name(), "large") == 0)
        large();
    else if (strcmp(rt_name(), "libc") == 0)
        with_libc();
    printf("writer: done\n");
    return 0;
}
