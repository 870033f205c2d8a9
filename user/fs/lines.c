/* SPDX-License-Identifier: MIT */
/*
 * See lines.h. Memory is taken from mm piece by piece, as long as it gives some; then the least recently used
 * line is used again, by a clock hand.
 */
#include "lines.h"

#include <proto/mm.h>
#include <rt/rt.h>
#include <string.h>

#define CHUNK_BYTES (256 << 10)
#define MAX_CHUNKS  64
#define MAX_LINES   8192
#define HASH_BITS   12
#define LEAST_BLOCK 512

static uint8_t *chunks[MAX_CHUNKS];
static unsigned chunk_count;
static bool full; /* mm gives no more */
static struct line lines[MAX_LINES];
static unsigned line_count, hand, held_count;
static struct line *buckets[1 << HASH_BITS];
static uint32_t line_bytes = LEAST_BLOCK;

static struct line **bucket_of(uint64_t position)
{
    return &buckets[(position / LEAST_BLOCK * 0x9e3779b97f4a7c15ull) >> (64 - HASH_BITS)];
}

/* Lines of the present block size in the memory that there is. */
static void lay_out(void)
{
    unsigned count = chunk_count * (CHUNK_BYTES / line_bytes);

    for (; line_count < count && line_count < MAX_LINES; line_count++) {
        uint8_t *chunk = chunks[line_count / (CHUNK_BYTES / line_bytes)];
        uint64_t offset = (uint64_t)(line_count % (CHUNK_BYTES / line_bytes)) * line_bytes;
        lines[line_count] = (struct line){.block = {.data = chunk + offset}};
    }
}

void lines_begin(uint32_t size)
{
    memset(buckets, 0, sizeof(buckets));
    line_count = hand = held_count = 0;
    line_bytes = size;
    lay_out();
}

/* Makes all pages present: a fault for want of memory would end the process. */
static bool populate(uint8_t *chunk)
{
    struct mm_range_request request = {.address = (uint64_t)chunk, .length = CHUNK_BYTES};
    struct mm_range_reply reply = {0};
    enum error error = ERR_OK;

    for (; !error && request.length > 0; request.length -= reply.length) {
        request.address += reply.length;
        error = mm_populate(START_MM, &request, &reply);
    }
    return !error;
}

static bool grow(void)
{
    if (full || chunk_count == MAX_CHUNKS || line_count == MAX_LINES)
        return false;
    uint8_t *chunk = rt_map(CHUNK_BYTES, MM_READ | MM_WRITE);
    if (chunk && populate(chunk)) {
        chunks[chunk_count++] = chunk;
        lay_out();
        return true;
    }
    if (chunk)
        rt_unmap(chunk, CHUNK_BYTES);
    full = true;
    return false;
}

bool lines_have_room(unsigned count)
{
    while (line_count - held_count < count)
        if (!grow())
            return false;
    return true;
}

struct line *line_find(uint64_t position)
{
    for (struct line *line = *bucket_of(position); line; line = line->next)
        if (line->position == position)
            return line;
    return NULL;
}

static void unhash(struct line *line)
{
    struct line **link = bucket_of(line->position);

    while (*link != line)
        link = &(*link)->next;
    *link = line->next;
    line->valid = false;
}

void line_hold(struct line *line)
{
    held_count += line->held++ == 0;
}

void line_release(struct line *line)
{
    held_count -= --line->held == 0;
}

/* A line that nobody needs, emptied; NULL: there is none. */
static struct line *look_for_line(void)
{
    for (unsigned tries = 0; tries < 2 * line_count; tries++) {
        struct line *line = &lines[hand];

        hand = (hand + 1) % line_count;
        if (line->held || line->written)
            continue;
        if (line->used) {
            line->used = false;
            continue;
        }
        if (line->valid)
            unhash(line);
        return line;
    }
    return NULL;
}

struct line *line_take(void)
{
    unsigned before = line_count;

    if (hand + 1 >= line_count && grow())
        hand = before;
    struct line *line = look_for_line();
    return line || !grow() ? line : look_for_line();
}

void line_set(struct line *line, uint64_t position, uint64_t number)
{
    line->position = position;
    line->valid = true;
    line->block = (struct ext4_block){.data = line->block.data, .number = number};
    line->next = *bucket_of(position);
    *bucket_of(position) = line;
}

struct line *line_of_bytes(const uint8_t *bytes)
{
    unsigned i = 0;

    while ((uint64_t)(bytes - chunks[i]) >= CHUNK_BYTES)
        i++;
    return &lines[i * (CHUNK_BYTES / line_bytes) + (uint64_t)(bytes - chunks[i]) / line_bytes];
}
