/* SPDX-License-Identifier: MIT */
/*
 * What a crash leaves. Random operations are done to a file system, and everything that reaches the disk is
 * noted. Then the disk is made as it may be after a loss of power at some moment: what was written before
 * the last flush is there; of what came after it any part may be, in any order, and the last block may be
 * torn (not the superblock, of which nobody has another copy that is up to date). Each such disk is
 * mounted, which replays its journal, and has to hold what the last commit that was promised left, or the
 * next one.
 *
 *   crash IMAGE SEED OPERATIONS STATES [DIRECTORY]
 *
 * With DIRECTORY each twentieth disk goes there as a file, for e2fsck.
 */
#include "crash.h"

#include <ext4/writer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COMMITS 400
#define BLOCKS       400 /* in transactions */
#define SAVED_IN     20  /* one state of so many goes to a file */

/* What a commit promised, and when: after how many events. */
struct promise {
    struct model model;
    size_t events;
    bool loose; /* made in the middle of an operation: its content is not compared */
};

static struct promise promises[MOST_COMMITS];
static unsigned promise_count;
static unsigned long states, saved, with_next, replayed;

static void promise(const struct disk *disk, struct model *model, bool loose)
{
    if (promise_count == MOST_COMMITS)
        return;
    promises[promise_count++] = (struct promise){model_copy(model), disk->event_count, loose};
    model_clear_graves(model);
}

/* Runs the workload; what a commit inside an operation promises is what was there before the operation. */
static void run(struct disk *disk, unsigned operations, uint64_t seed)
{
    struct mounted mounted;
    struct workload workload = {
        .model = model_new(), .random = seed, .names = 12, .most = 20000, .small = true};

    disk->notes = true;
    mount_disk(&mounted, disk, BLOCKS);
    workload.fs = &mounted.fs;
    promise(disk, &workload.model, false);
    for (unsigned i = 0; i < operations && promise_count < MOST_COMMITS - 1; i++) {
        size_t before = disk->event_count;
        struct model model = model_copy(&workload.model);
        operate(&workload);
        if (disk->event_count != before)
            promise(disk, &model, true);
        model_free(&model);
        if (below(&workload.random, 6) == 0) {
            enum error error = ext4_commit(&mounted.fs);
            if (error)
                wrong("commit: error %d: %s", error, mounted.fs.cause);
            promise(disk, &workload.model, false);
            if (below(&workload.random, 3) == 0 && ext4_checkpoint(&mounted.fs)) /* as if the log were full */
                wrong("checkpoint: %s", mounted.fs.cause);
        }
    }
    unmount_disk(&mounted);
    promise(disk, &workload.model, false);
    model_free(&workload.model);
}

/* --- Disks after a crash --- */

static void apply(struct disk *disk, const struct event *event, uint32_t block_size, uint64_t torn)
{
    uint8_t *to = disk->bytes + event->number * block_size;

    for (uint32_t sector = 0; sector * 512 < block_size; sector++)
        if (!(torn >> sector & 1))
            memcpy(to + sector * 512, event->bytes + sector * 512, 512);
}

/* Compares with what was promised last before the crash, and with the next promise. */
static void check_content(struct ext4 *fs, size_t events, uint64_t seed)
{
    unsigned last = 0;

    while (last + 1 < promise_count && promises[last + 1].events <= events)
        last++;
    const struct promise *next = last + 1 < promise_count ? &promises[last + 1] : NULL;
    if (promises[last].loose || (next && next->loose))
        return;
    const char *difference = model_compare(fs, &promises[last].model, next ? &next->model : NULL);
    if (!difference)
        return;
    char first[400];
    snprintf(first, sizeof(first), "%s", difference);
    difference = next ? model_compare(fs, &next->model, NULL) : difference;
    if (difference)
        wrong("seed %lu, crash after %zu events, commit %u: it is not the last one (%s) nor the next (%s)",
              (unsigned long)seed, events, last, first, difference);
    with_next++;
}

static void check_state(struct disk *disk, size_t events, uint64_t seed, const char *directory)
{
    struct mounted mounted;
    char path[300];

    if (directory && ++saved % SAVED_IN == 0) {
        snprintf(path, sizeof(path), "%s/%lu-%lu.img", directory, (unsigned long)seed, saved / SAVED_IN);
        disk_save(disk, path);
    }
    mount_disk(&mounted, disk, BLOCKS);
    replayed += disk->event_count;
    check_content(&mounted.fs, events, seed);
    unmount_disk(&mounted);
    if (disk->lines)
        wrong("seed %lu, crash after %zu events: %s", (unsigned long)seed, events, disk->said);
    if (directory && saved % SAVED_IN == 0) {
        snprintf(path, sizeof(path), "%s/%lu-%lu-mounted.img", directory, (unsigned long)seed,
                 saved / SAVED_IN);
        disk_save(disk, path);
    }
    states++;
}

/* One crash between events[flushed], up to which all is there, and events[end]: some of what lies between. */
static void crash(const struct disk *base, const struct disk *log, size_t flushed, size_t end,
                  uint64_t *random, uint64_t seed, const char *directory)
{
    struct disk disk = {.size = base->size, .bytes = malloc(base->size)};
    uint64_t kind = below(random, 4);
    size_t left_out = flushed + below(random, end - flushed + 1);

    memcpy(disk.bytes, base->bytes, base->size);
    for (size_t i = flushed; i < end; i++) {
        const struct event *event = &log->events[i];
        uint64_t torn = 0;
        if (kind == 1 && i == left_out) /* one is missing */
            continue;
        if (kind == 2 && below(random, 2)) /* some are missing */
            continue;
        if (kind == 3 && i + 1 == end && event->number != EXT4_SUPER_OFFSET / log->block_size)
            torn = random_of(random);
        apply(&disk, event, log->block_size, torn);
    }
    check_state(&disk, end, seed, directory);
    disk_free(&disk);
}

/* Goes through the log from flush to flush, with about `wanted` crashes in all. */
static void crash_everywhere(struct disk *base, const struct disk *log, unsigned long wanted, uint64_t seed,
                             const char *directory)
{
    uint64_t random = seed ^ 0x5eed;
    size_t flushed = 0;

    for (size_t i = 0; i <= log->event_count; i++) {
        bool at_flush = i == log->event_count || !log->events[i].bytes;
        uint64_t chances = below(&random, log->event_count) < wanted ? 1 + wanted / log->event_count : 0;
        for (; chances > 0; chances--)
            crash(base, log, flushed, i, &random, seed, directory);
        if (!at_flush)
            continue;
        for (; flushed < i; flushed++)
            apply(base, &log->events[flushed], log->block_size, 0);
        flushed = i + 1;
    }
}

int main(int count, char **arguments)
{
    if (count < 5)
        return 2;
    uint64_t seed = strtoull(arguments[2], NULL, 0);
    struct disk base = disk_load(arguments[1]), log = disk_load(arguments[1]);
    run(&log, (unsigned)strtoul(arguments[3], NULL, 0), seed);
    crash_everywhere(&base, &log, strtoul(arguments[4], NULL, 0), seed, count > 5 ? arguments[5] : NULL);
    printf("%lu states, %u commits, %zu events, %lu found the next commit\n", states, promise_count,
           log.event_count, with_next);
    for (unsigned i = 0; i < promise_count; i++)
        model_free(&promises[i].model);
    disk_free(&base);
    disk_free(&log);
    return 0;
}
