/* SPDX-License-Identifier: MIT */
/*
 * What operations of the system cost, as a process of the system that ships. Each row is a span for the
 * plugin of tests/bench/spans.c, named by a line `bench span NUMBER NAME COUNT`. The disk has /big.txt, /tiny
 * (a program that ends at once) and /sleeper (one that waits for ever).
 */
#include "../bench/span.h"
#include "echo.h"

#include <client/fs.h>
#include <client/process.h>
#include <proto/mm.h>
#include <rt/rt.h>
#include <rt/task.h>
#include <rt/thread.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS       1000
#define WARM_UP      20
#define FILES        200
#define PAGES        4096
#define REGIONS      480
#define SPAWNS       40
#define SLEEPERS     200
#define SETTLE_US    1000000 /* until the shell shows its prompt and nobody else runs */
#define SLEEPER_US   20000   /* until a sleeper sleeps */
#define READ_BYTES   4096
#define FILE_PATH    "/big.txt"
#define NO_HANDLE    0xffffu

/* A program of the disk, in memory. */
struct image {
    uint8_t *bytes;
    size_t length;
};

static cap_t timer, bell, ended;
static uint8_t buffer[READ_BYTES];

static void must(enum error error, const char *what)
{
    if (!error)
        return;
    printf("costs: failed: %s: %s\n", what, error_text(error));
    fflush(stdout);
    exit(1);
}

static void pause_us(uint64_t us)
{
    must(timer_set(timer, bell, rt_ticks() + rt_ticks_of_us(us), 0), "set a timer");
    notification_wait(bell);
}

static void named(unsigned number, const char *name, unsigned count)
{
    printf("bench span %u %s %u\n", number, name, count);
    fflush(stdout);
}

/* --- Calls --- */

static void row_serve(void)
{
    const struct fs_handle_request request = {NO_HANDLE};
    cap_t fs = rt_cap("fs");

    for (unsigned i = 0; i < WARM_UP; i++)
        fs_close(fs, &request, NULL);
    span_begin(1);
    for (unsigned i = 0; i < ROUNDS; i++)
        fs_close(fs, &request, NULL);
    span_end();
    named(1, "serve_rt_8w", ROUNDS);
}

/* 64 words there and back, built and read in the message page. */
static void row_serve_long(void)
{
    struct echo_words *words = proto_page();
    cap_t echo = rt_cap("echo");

    for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
        words->word[i] = i;
    for (unsigned i = 0; i < WARM_UP; i++)
        must(echo_words(echo, words, words), "echo");
    span_begin(20);
    for (unsigned i = 0; i < ROUNDS; i++)
        echo_words(echo, words, words);
    span_end();
    must(words->word[0] == 0 && words->word[MSG_MAX_WORDS - 1] == MSG_MAX_WORDS - 1 ? ERR_OK : ERR_CORRUPT,
         "echo");
    named(20, "serve_rt_64w", ROUNDS);
}

/* --- Tasks --- */

static void yield_for_ever(void *argument)
{
    (void)argument;
    for (;;)
        task_yield();
}

static void row_switch(void)
{
    struct task *other = task_start(yield_for_ever, NULL);

    must(other ? ERR_OK : ERR_NO_MEMORY, "start a task");
    task_detach(other);
    task_yield();
    span_begin(10);
    for (unsigned i = 0; i < ROUNDS; i++)
        task_yield();
    span_end();
    named(10, "task_switch", 2 * ROUNDS);
}

static void nothing(void *argument)
{
    (void)argument;
}

static void start_and_join(unsigned count)
{
    enum error error = ERR_OK;

    for (unsigned i = 0; i < count; i++) {
        struct thread *thread = thread_start(THREAD_ANY_HART, nothing, NULL, &error);
        must(error, "start a thread");
        thread_join(thread);
    }
}

/* The first is made of new objects, all others of those that it was made of. */
static void rows_threads(void)
{
    span_begin(11);
    start_and_join(1);
    span_end();
    named(11, "thread_first", 1);
    span_begin(12);
    start_and_join(ROUNDS);
    span_end();
    named(12, "thread_create_join", ROUNDS);
}

/* --- Memory --- */

static volatile uint8_t *map(size_t length, uint64_t prot)
{
    volatile uint8_t *pages = rt_map(length, prot);

    must(pages ? ERR_OK : ERR_NO_MEMORY, "map memory");
    return pages;
}

static void row_touch(const char *name)
{
    volatile uint8_t *pages = map(PAGES * PAGE_BYTES, MM_READ | MM_WRITE);

    span_begin(2);
    for (unsigned i = 0; i < PAGES; i++)
        pages[i * PAGE_BYTES] = 1;
    span_end();
    named(2, name, PAGES);
    rt_unmap((void *)pages, PAGES * PAGE_BYTES);
}

static void map_touch_unmap(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        volatile uint8_t *page = map(PAGE_BYTES, MM_READ | MM_WRITE);
        *page = 1;
        rt_unmap((void *)page, PAGE_BYTES);
    }
}

static void rows_map(void)
{
    static volatile uint8_t *regions[REGIONS];

    map_touch_unmap(WARM_UP);
    span_begin(3);
    map_touch_unmap(ROUNDS);
    span_end();
    named(3, "map_touch_unmap", ROUNDS);
    /* Neighbours differ, so none of them become one region. */
    for (unsigned i = 0; i < REGIONS; i++)
        regions[i] = map(PAGE_BYTES, i % 2 ? MM_READ : MM_READ | MM_WRITE);
    map_touch_unmap(WARM_UP);
    span_begin(4);
    map_touch_unmap(ROUNDS);
    span_end();
    named(4, "map_touch_unmap_480", ROUNDS);
    for (unsigned i = 0; i < REGIONS; i++)
        rt_unmap((void *)regions[i], PAGE_BYTES);
}

/* --- Files --- */

static uint64_t open_file(const char *path)
{
    uint64_t handle;

    must(file_open(path, 0, 0, &handle, NULL), path);
    return handle;
}

static void read_page(uint64_t handle)
{
    size_t count;

    must(file_read(handle, 0, buffer, sizeof(buffer), &count), "read");
    must(count == sizeof(buffer) ? ERR_OK : ERR_CORRUPT, "read a whole page");
}

static void open_read_close(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t handle = open_file(FILE_PATH);
        read_page(handle);
        file_close(handle);
    }
}

static void stat_file(unsigned count)
{
    struct fs_stat stat;

    for (unsigned i = 0; i < count; i++)
        must(file_stat(FILE_PATH, 0, &stat), "stat");
}

static void rows_files(void)
{
    uint64_t handle;

    open_read_close(WARM_UP);
    span_begin(5);
    open_read_close(ROUNDS);
    span_end();
    named(5, "open_read_close", ROUNDS);
    handle = open_file(FILE_PATH);
    read_page(handle);
    span_begin(6);
    for (unsigned i = 0; i < ROUNDS; i++)
        read_page(handle);
    span_end();
    named(6, "read_4k_cached", ROUNDS);
    file_close(handle);
    stat_file(WARM_UP);
    span_begin(7);
    stat_file(ROUNDS);
    span_end();
    named(7, "stat_path", ROUNDS);
}

static void make_file(unsigned number, bool sync)
{
    char path[24];
    uint64_t handle;
    size_t count;

    snprintf(path, sizeof(path), "/files/%s%u", sync ? "s" : "f", number);
    must(file_create(path, 0, FS_CREATE, 0644, &handle, NULL), "create");
    must(file_write(handle, 0, buffer, sizeof(buffer), &count), "write");
    if (sync)
        must(file_sync(handle), "fsync");
    file_close(handle);
}

static void make_files(unsigned first, unsigned count, bool sync)
{
    for (unsigned i = 0; i < count; i++)
        make_file(first + i, sync);
}

static void overwrite(uint64_t handle, unsigned count)
{
    size_t written;

    for (unsigned i = 0; i < count; i++) {
        must(file_write(handle, 0, buffer, sizeof(buffer), &written), "write");
        must(file_sync(handle), "fsync");
    }
}

static void unlink_files(unsigned first, unsigned count)
{
    char path[24];

    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/files/f%u", first + i);
        must(file_remove(path), "unlink");
    }
}

static void rows_changes(void)
{
    must(directory_make("/files", 0755), "mkdir");
    make_files(0, WARM_UP, false);
    span_begin(21);
    make_files(WARM_UP, FILES, false);
    span_end();
    named(21, "create_write_close", FILES);
    make_files(0, WARM_UP, true);
    span_begin(22);
    make_files(WARM_UP, FILES, true);
    span_end();
    named(22, "create_write_fsync", FILES);
    uint64_t handle = open_file("/files/f0");
    overwrite(handle, WARM_UP);
    span_begin(23);
    overwrite(handle, FILES);
    span_end();
    named(23, "overwrite_fsync", FILES);
    file_close(handle);
    unlink_files(0, WARM_UP);
    span_begin(24);
    unlink_files(WARM_UP, FILES);
    span_end();
    named(24, "unlink", FILES);
}

/* --- Programs --- */

static struct image load(const char *path)
{
    struct fs_stat stat;
    uint64_t handle;
    size_t count;

    must(file_open(path, 0, 0, &handle, &stat), path);
    struct image image = {malloc(stat.size), stat.size};
    must(image.bytes ? ERR_OK : ERR_NO_MEMORY, path);
    for (size_t at = 0; at < image.length; at += count) {
        must(file_read(handle, at, image.bytes + at, image.length - at, &count), path);
        must(count ? ERR_OK : ERR_CORRUPT, path);
    }
    file_close(handle);
    return image;
}

static enum error image_read(void *context, uint64_t position, void *into, size_t size)
{
    const struct image *image = context;

    memcpy(into, image->bytes + position, size);
    return ERR_OK;
}

static enum error spawn(struct image *image, uint64_t *process)
{
    static const char *const arguments[] = {"program"};
    char cause[112];

    return process_spawn(image_read, image, image->length, 1, arguments, NULL, process, cause);
}

static void spawn_and_wait(struct image *tiny, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct proc_request request;
        struct proc_status_reply status;

        must(spawn(tiny, &request.process), "spawn");
        must(process_watch(request.process, ended), "watch");
        while (proc_status(rt_cap("init"), &request, &status) == ERR_BUSY)
            notification_wait(ended);
        must(status.state == PROC_EXITED && status.status == 0 ? ERR_OK : ERR_BAD_PROGRAM, "end well");
    }
}

/* With SLEEPERS other processes, if there may be so many; otherwise says how many there may be. */
static void row_many(struct image *tiny, struct image *sleeper)
{
    uint64_t process;
    unsigned made = 0;

    /* The last place is for the program that is spawned. */
    while (made <= SLEEPERS && !spawn(sleeper, &process)) {
        made++;
        pause_us(SLEEPER_US);
    }
    if (made <= SLEEPERS) {
        printf("costs: spawn_wait_200 cannot be measured: at most %u programs at once\n", made);
        return;
    }
    spawn_and_wait(tiny, 1);
    span_begin(9);
    spawn_and_wait(tiny, SPAWNS);
    span_end();
    named(9, "spawn_wait_200", SPAWNS);
}

static void rows_programs(void)
{
    struct image tiny = load("/tiny"), sleeper = load("/sleeper");

    spawn_and_wait(&tiny, 2);
    span_begin(8);
    spawn_and_wait(&tiny, SPAWNS);
    span_end();
    named(8, "spawn_wait", SPAWNS);
    row_many(&tiny, &sleeper);
}

static void all_rows(void)
{
    open_read_close(1); /* opens the session with fs */
    row_serve();
    row_serve_long();
    row_touch("page_touch");
    rows_map();
    rows_files();
    rows_changes();
    rows_programs();
    row_switch();
    rows_threads();
}

int main(void)
{
    const struct proc_power_request off = {PROC_POWEROFF};
    bool pages_alone = strcmp(rt_name(), "pages") == 0;

    must(object_make(OBJ_TIMER, 0, &timer), "make a timer");
    must(object_make(OBJ_NOTIFICATION, 0, &bell), "make a notification");
    must(object_make(OBJ_NOTIFICATION, 0, &ended), "make a notification");
    pause_us(SETTLE_US);
    if (pages_alone)
        row_touch("page_touch_4");
    else
        all_rows();
    printf("costs: done\n");
    fflush(stdout);
    proc_power(rt_cap("init"), &off, NULL);
    return 1;
}
