/* SPDX-License-Identifier: MIT */
/*
 * Writes to a disk and reads it back, for tests: overwrites the last 256 KiB of the first disk of the block
 * driver that it may use. It says in the log what came of it.
 */
#include <base/ring.h>
#include <proto/blk.h>
#include <proto/mm.h>
#include <rt/rt.h>

#include <string.h>

#define AREA_SECTORS 512
#define RING_ENTRIES 16
#define DATA_SECTORS 256
#define IN_FLIGHT    4
#define WAIT_US      10000000

static cap_t driver, done, timer, doorbell;
static struct blk_info_reply info;
static struct ring_side ring;
static uint64_t *data; /* which the driver reads and writes */
static uint64_t first; /* sector of the area */

static void check(bool good, const char *what)
{
    if (!good)
        rt_fail("%s", what);
}

static void attach(void)
{
    struct blk_attach_request request = {0, DATA_SECTORS * BLK_SECTOR, RING_ENTRIES};
    struct blk_attach_reply reply;
    struct segment segment;
    cap_t memory, signal = slot_alloc();

    check(!object_make(OBJ_NOTIFICATION, 0, &done) && !object_make(OBJ_TIMER, 0, &timer) &&
              !cnode_mint(START_CNODE, signal, 0, done, RIGHT_SIGNAL, 1),
          "no memory");
    check(!blk_attach(driver, &request, &reply, signal, &memory, &doorbell), "cannot attach");
    check(!segment_map(&segment, memory, reply.segment_length, MM_READ | MM_WRITE), "cannot map");
    ring_client_init(&ring, (char *)segment.address + reply.ring_offset, (uint32_t)reply.ring_entries);
    data = (uint64_t *)((char *)segment.address + reply.data_offset);
}

static void submit(enum blk_op op, uint64_t sector, uint32_t place, uint32_t count)
{
    static uint64_t cookie;
    struct ring_request request = {op, count * BLK_SECTOR, (uint64_t)place * BLK_SECTOR, sector, cookie++};

    check(ring_submit(&ring, &request), "the ring is full");
    if (ring_submit_publish(&ring))
        notification_signal(doorbell);
}

static enum error finish(void)
{
    struct ring_completion completion;

    while (!ring_take_completion(&ring, &completion)) {
        if (!ring_client_sleep(&ring)) {
            timer_set(timer, done, rt_ticks() + rt_ticks_of_us(WAIT_US), 0);
            notification_wait(done);
        }
        ring_client_wake(&ring);
    }
    return (enum error)completion.status;
}

static uint64_t word_of(uint64_t sector, unsigned i, uint64_t round)
{
    return (sector * 64 + i) * 0x9e3779b97f4a7c15ull + round;
}

/* Fills or checks the sectors from `sector` on, at `place` of the data; how many words are wrong. */
static unsigned visit(uint64_t sector, uint32_t place, uint32_t count, uint64_t round, bool fill)
{
    unsigned wrong = 0;

    for (uint32_t i = 0; i < count * 64; i++) {
        uint64_t word = word_of(sector + i / 64, i % 64, round), *at = &data[(uint64_t)place * 64 + i];
        wrong += !fill && *at != word;
        *at = fill ? word : *at;
    }
    return wrong;
}

/* Writes the whole area in pieces of `count` sectors, several at once, and reads it back. */
static void write_and_read(uint32_t count, uint64_t round)
{
    unsigned wrong = 0;

    for (uint64_t at = 0; at + count * IN_FLIGHT <= AREA_SECTORS; at += count * IN_FLIGHT) {
        for (unsigned i = 0; i < IN_FLIGHT; i++) {
            visit(first + at + i * count, i * count, count, round, true);
            submit(BLK_OP_WRITE, first + at + i * count, i * count, count);
        }
        submit(BLK_OP_FLUSH, 0, 0, 0);
        for (unsigned i = 0; i <= IN_FLIGHT; i++)
            check(!finish(), "a write failed");
        memset(data, 0xee, DATA_SECTORS * BLK_SECTOR);
        for (unsigned i = 0; i < IN_FLIGHT; i++)
            submit(BLK_OP_READ, first + at + i * count, i * count, count);
        for (unsigned i = 0; i < IN_FLIGHT; i++)
            check(!finish(), "a read failed");
        for (unsigned i = 0; i < IN_FLIGHT; i++)
            wrong += visit(first + at + i * count, i * count, count, round, false);
    }
    check(wrong == 0, "what is read is not what was written");
}

static enum error attempt(enum blk_op op, uint64_t sector)
{
    submit(op, sector, 0, 1);
    return finish();
}

int main(void)
{
    struct blk_unit_request request = {0};

    driver = rt_server("blk");
    check(driver != 0 && !blk_info(driver, &request, &info) && info.sectors >= AREA_SECTORS,
          "no disk");
    first = info.sectors - AREA_SECTORS;
    attach();
    check(attempt(BLK_OP_WRITE, info.sectors) == ERR_BAD_ARG, "it writes behind its end");
    check(attempt(BLK_OP_READ, UINT64_MAX) == ERR_BAD_ARG, "it reads behind its end");
    for (uint32_t count = 64, round = 1; count > 0; count /= 8, round++)
        write_and_read(count, round);
    rt_log("all that was written is there");
    return 0;
}
