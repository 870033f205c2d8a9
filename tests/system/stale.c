/* SPDX-License-Identifier: MIT */
/* Kills fs while it has files open: what the protocol says of numbers of before, and what lib/client makes of
 * it. */
#include <client/fs.h>
#include <proto/proc.h>
#include <rt/rt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE   4096
#define BIG     "/big.txt"
#define SCRATCH "/scratch"

static unsigned names;

static void check(bool good, const char *what)
{
    printf("stale: %s: %s\n", good ? "ok" : "failed", what);
    fflush(stdout);
    if (!good)
        exit(1);
}

static void expect(enum error error, enum error wanted, const char *what)
{
    if (error != wanted)
        printf("stale: %s instead of %s\n", error_text(error), error_text(wanted));
    check(error == wanted, what);
}

static void kill_fs(void)
{
    struct proc_request request = {0};
    struct proc_list_reply process;

    while (!proc_list(rt_cap("init"), &request, &process)) {
        request.process = process.process;
        if (strcmp(process.name, "fs") == 0 && process.state == PROC_RUNNING)
            expect(proc_kill(rt_cap("init"), &request, NULL), ERR_OK, "kill fs");
        request.process++;
    }
}

/* The protocol itself. */
static void numbers(void)
{
    const struct fs_attach_request attach = {PIECE};
    struct fs_open_request open = {.path = {0, 1, 0}};
    struct fs_attach_reply session;
    struct fs_open_reply root;
    struct segment buffer;
    cap_t fs = rt_cap("fs");

    expect(segment_make(&buffer, PIECE), ERR_OK, "make a buffer");
    expect(fs_attach(fs, &attach, &session, buffer.cap), ERR_OK, "attach");
    memcpy(buffer.address, "/", 1);
    expect(fs_open(fs, &open, &root), ERR_STALE, "no session's root");
    open.path.directory = session.root;
    expect(fs_open(fs, &open, &root), ERR_OK, "open the root");
    struct fs_handle_request handle = {root.handle};
    struct fs_handle_request wrong = {root.handle + 1};
    expect(fs_stat(fs, &handle, &root), ERR_OK, "a handle");
    expect(fs_stat(fs, &wrong, &root), ERR_BAD_ARG, "none of this server's");
    kill_fs();
    expect(fs_stat(fs, &handle, &root), ERR_STALE, "a handle of the server before");
    expect(fs_close(fs, &handle, NULL), ERR_STALE, "it cannot be closed");
    expect(fs_open(fs, &open, &root), ERR_STALE, "a root of the server before");
    expect(fs_attach(fs, &attach, &session, buffer.cap), ERR_OK, "attach again");
    expect(fs_stat(fs, &handle, &root), ERR_STALE, "still of the server before");
}

static bool count_name(void *context, const struct fs_entry *entry)
{
    (void)context, (void)entry;
    names++;
    return true;
}

/* What the library makes of it. */
static void files(void)
{
    static char first[PIECE], second[PIECE];
    uint64_t big, scratch, directory;
    size_t count, part;

    expect(file_open(BIG, 0, 0, &big, NULL), ERR_OK, "open");
    expect(file_open("/", 0, 0, &directory, NULL), ERR_OK, "open a directory");
    expect(file_read(big, PIECE, first, PIECE, &count), ERR_OK, "read");
    expect(directory_list(directory, count_name, NULL), ERR_OK, "list");
    unsigned before = names;
    kill_fs();
    expect(file_read(big, PIECE, second, PIECE, &part), ERR_OK, "read after fs has died");
    check(part == count && memcmp(first, second, count) == 0, "the same");
    names = 0;
    expect(directory_list(directory, count_name, NULL), ERR_OK, "list after fs has died");
    check(names == before, "the same names");
    file_close(big);
    expect(file_read(big, 0, second, PIECE, &part), ERR_BAD_ARG, "a closed file");

    expect(file_create(SCRATCH, 0, FS_CREATE, 0644, &scratch, NULL), ERR_OK, "create");
    expect(file_write(scratch, 0, first, PIECE, &part), ERR_OK, "write");
    expect(file_sync(scratch), ERR_OK, "sync");
    kill_fs();
    expect(file_read(scratch, 0, second, PIECE, &part), ERR_OK, "what was synced");
    check(part == PIECE && memcmp(first, second, PIECE) == 0, "is there");
    expect(file_write(scratch, 0, first + 1, PIECE - 1, &part), ERR_OK, "write again");
    kill_fs();
    expect(file_sync(scratch), ERR_STALE, "what was not synced is reported");
    expect(file_read(scratch, 0, second, PIECE, &part), ERR_STALE, "for as long as it is open");
    file_close(scratch);
    expect(file_create("/fresh", 0, FS_CREATE, 0644, &scratch, NULL), ERR_OK, "create another");
    kill_fs();
    expect(file_write(scratch, 0, first, PIECE, &part), ERR_STALE, "it was never on the disk");
    file_close(scratch);
    kill_fs();
    expect(directory_make("/made", 0755), ERR_OK, "make a directory after fs has died");
    expect(directory_make("/made", 0755), ERR_EXISTS, "it is there once");
}

int main(void)
{
    numbers();
    files();
    printf("stale: done\n");
    fflush(stdout);
    return 0;
}
