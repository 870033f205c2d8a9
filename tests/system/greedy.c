/* SPDX-License-Identifier: MIT */
/*
 * A program that takes all it can get of one thing, says how much that was and what it was refused with,
 * and ends: `greedy segments|maps|regions|objects|pages|attach`. `greedy hold` takes segments and keeps
 * them.
 */
#include <client/fs.h>
#include <proto/fs.h>
#include <proto/mm.h>
#include <rt/rt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_PAGES 64
#define FIXED        0x1000000000ull
#define FILE_PATH    "/big.txt"

static void told(const char *what, unsigned long count, enum error error)
{
    printf("%s: %lu, then %s\n", what, count, error_text(error));
    fflush(stdout);
}

static enum error make_segment(cap_t *cap, uint64_t length)
{
    struct mm_segment_create_request q = {.length = length};
    struct mm_segment_create_reply r;
    return mm_segment_create(START_MM, &q, &r, cap);
}

/* Segments that are never touched. */
static void segments(void)
{
    unsigned long count = 0;
    cap_t cap;
    enum error error;
    while (!(error = make_segment(&cap, PAGE_BYTES))) {
        slot_free(cap);
        count++;
    }
    told("segments", count, error);
}

/* One segment, all of whose pages are there, mapped over and over. */
static void maps(void)
{
    struct segment segment;
    unsigned long count = 0;
    enum error error = segment_make(&segment, SHARED_PAGES * PAGE_BYTES);
    for (unsigned i = 0; !error && i < SHARED_PAGES; i++)
        ((volatile char *)segment.address)[i * PAGE_BYTES] = 1;
    while (!error) {
        struct segment again;
        error = segment_map(&again, segment.cap, segment.length, MM_READ);
        count += !error;
    }
    told("maps", count, error);
}

static void regions(void)
{
    struct mm_map_request q = {.address = FIXED, .length = PAGE_BYTES, .prot = MM_READ};
    struct mm_map_reply r;
    unsigned long count = 0;
    enum error error;
    for (; !(error = mm_map(START_MM, &q, &r)); q.address += 2 * PAGE_BYTES)
        count++;
    told("regions", count, error);
}

static void objects(void)
{
    unsigned long count = 0;
    cap_t cap;
    enum error error;
    while (!(error = object_make(OBJ_ENDPOINT, 0, &cap)) && ++count % 200 != 0)
        ;
    told("objects", count, error);
}

/* Single pages far from each other, so that each needs tables of its own. */
static void pages(void)
{
    struct mm_map_request q = {.address = FIXED, .length = PAGE_BYTES, .prot = MM_READ | MM_WRITE};
    struct mm_range_request range = {.length = PAGE_BYTES};
    struct mm_map_reply r;
    struct mm_range_reply done;
    unsigned long count = 0;
    enum error error = ERR_OK;
    for (; !error; q.address += 1 << MEGAPAGE_BITS) {
        error = mm_map(START_MM, &q, &r);
        range.address = q.address;
        if (!error)
            error = mm_populate(START_MM, &range, &done);
        count += !error;
    }
    told("pages", count, error);
}

/* Has a server read into a buffer for which there is no memory any more. */
static void attach(void)
{
    struct fs_attach_request request = {FS_MAX_BUFFER};
    struct fs_attach_reply reply;
    cap_t buffer, more;
    enum error error = make_segment(&buffer, FS_MAX_BUFFER);
    while (!make_segment(&more, PAGE_BYTES))
        slot_free(more);
    if (!error)
        error = fs_attach(rt_cap("fs"), &request, &reply, buffer);
    told("attach", 0, error);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {{"segments", segments}, {"maps", maps},   {"regions", regions},
                {"objects", objects},   {"pages", pages}, {"attach", attach}};
    const char *way = argc > 1 ? argv[1] : "hold";
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].name, way) == 0) {
            ways[i].run();
            return 0;
        }
    cap_t never;
    if (object_make(OBJ_NOTIFICATION, 0, &never))
        return EXIT_FAILURE;
    segments();
    regions();
    notification_wait(never);
    return EXIT_FAILURE;
}
