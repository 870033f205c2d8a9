/* SPDX-License-Identifier: MIT */
/*
 * Caches that devices do not see: which blocks a range touches, and the disk driver on a machine where the
 * driver's memory and the device's are two, brought together only by what the driver asks for and by
 * evictions at the worst times.
 */
// sources: user/virtio-blk/disk.c lib/driver/mmio.c lib/driver/virtio_mmio.c lib/driver/virtqueue.c
// sources: lib/driver/cache.c
#include "../../user/virtio-blk/disk.h"
#include "rt_stub.h"
#include "support.h"
#include "virtio_model.h"

/* --- Ranges --- */

static uint64_t touched[64];
static unsigned touched_count, ordered;

static void touch(char *block)
{
    cr_assert_eq(ordered, 1, "not ordered after what came before");
    touched[touched_count++] = (uint64_t)block;
}

static void order(void)
{
    ordered++;
}

static const struct cache_access recorder = {touch, touch, order};

static void expect_blocks(uint64_t block, uint64_t address, size_t length, unsigned count, uint64_t first)
{
    const struct cache cache = {&recorder, block};
    void (*const calls[])(const struct cache *, const volatile void *, size_t) = {cache_clean, cache_flush,
                                                                                  cache_invalidate};

    for (unsigned call = 0; call < 3; call++) {
        touched_count = ordered = 0;
        calls[call](&cache, (const void *)address, length);
        cr_assert_eq(touched_count, count, "%u blocks of 0x%lx + %zu", touched_count, (unsigned long)address,
                     length);
        for (unsigned i = 0; i < count; i++)
            cr_assert_eq(touched[i], first + i * block);
        cr_assert_eq(ordered, 2, "not ordered before what comes after");
    }
}

Test(cache, all_blocks_of_a_range)
{
    expect_blocks(64, 0x1000, 64, 1, 0x1000);
    expect_blocks(64, 0x1000, 65, 2, 0x1000);
    expect_blocks(64, 0x103f, 1, 1, 0x1000);
    expect_blocks(64, 0x103f, 2, 2, 0x1000);
    expect_blocks(64, 0x1001, 64, 2, 0x1000);
    expect_blocks(32, 0x1001, 64, 3, 0x1000);
    expect_blocks(256, 0x10ff, 2, 2, 0x1000);
    expect_blocks(64, 0x1010, 0, 0, 0);
}

Test(cache, nothing_is_done_where_dma_is_coherent)
{
    const struct cache coherent = {&recorder, 0}, empty = {0};

    touched_count = ordered = 0;
    cache_clean(&coherent, &coherent, 64);
    cache_flush(&empty, &coherent, 64);
    cache_invalidate(&empty, &coherent, 64);
    cr_assert_eq(touched_count + ordered, 0);
}

/* --- A machine that is not coherent --- */

#define ARENA   0x20000
#define DATA    0x10000 /* where the clients' data is */
#define SECTORS 64

/* What the processor sees, what it had seen when it last fetched or wrote back, and what the device sees. */
static _Alignas(4096) char cpu[ARENA], fetched[ARENA], ram[ARENA];
static uint64_t block_bytes;

static void write_back(char *block)
{
    uint64_t at = (uint64_t)(block - cpu);

    cr_assert(at % block_bytes == 0 && at < ARENA);
    if (memcmp(block, fetched + at, block_bytes) != 0) {
        memcpy(ram + at, block, block_bytes);
        memcpy(fetched + at, block, block_bytes);
    }
}

/* The next access could come at once, so it does. */
static void write_back_and_fetch(char *block)
{
    uint64_t at = (uint64_t)(block - cpu);

    write_back(block);
    memcpy(block, ram + at, block_bytes);
    memcpy(fetched + at, ram + at, block_bytes);
}

static void nothing(void) {}

static const struct cache_access model_cache = {write_back, write_back_and_fetch, nothing};

/* The cache needs room and writes everything back that was changed, whole blocks of it. */
static void evict(void)
{
    for (uint64_t at = 0; at < ARENA; at += block_bytes)
        write_back(cpu + at);
}

static struct model *model;
static struct disk disk;

/* Each lane has sectors and a place for data of its own, and one request at a time. */
#define LANES        16
#define LANE_SECTORS (SECTORS / LANES)

static char expected[SECTORS][512];
static struct lane {
    bool busy;
    uint64_t sector;
} lanes[LANES];
static unsigned finished;

static char *data_of(uint64_t lane)
{
    return cpu + DATA + lane * 512;
}

void blk_finished(struct blk_session *session, uint64_t lane, enum error status, uint32_t length)
{
    (void)session;
    cr_assert(lanes[lane].busy && !status && length == 512);
    cr_assert_eq(memcmp(data_of(lane), expected[lanes[lane].sector], 512), 0, "request %u", finished);
    lanes[lane].busy = false;
    finished++;
}

static void open_disk(uint64_t block)
{
    const struct cache cache = {&model_cache, block};

    block_bytes = block != 0 ? block : 64;
    stub_log_clear();
    memset(ram, 0x99, sizeof(ram)); /* from whoever had it before */
    memset(fetched, 0x99, sizeof(fetched));
    memset(cpu, 0, sizeof(cpu));
    model = model_new(SECTORS);
    disk = (struct disk){0};
    finished = 0;
    memset(lanes, 0, sizeof(lanes));
    memcpy(expected, model->disk, sizeof(expected));
    cr_assert_leq(disk_memory_bytes(), DATA);
    cr_assert_eq(disk_open(&disk, "disk", &model->regs, &cache, cpu, (uint64_t)ram), ERR_OK);
}

/* Reads or writes one of the lane's sectors; what the client had in its memory before is told apart. */
static void submit(uint64_t lane, uint64_t sector, bool writes, char pattern)
{
    const struct blk_request request = {
        .op = writes ? BLK_OP_WRITE : BLK_OP_READ,
        .sector = sector,
        .length = 512,
        .data = data_of(lane),
        .physical = (uint64_t)ram + DATA + lane * 512,
        .cookie = lane,
    };

    memset(data_of(lane), pattern, 512);
    if (writes)
        memset(expected[sector], pattern, 512);
    lanes[lane] = (struct lane){true, sector};
    disk.unit.driver->submit(&disk.unit, &request);
    disk.unit.driver->kick(&disk.unit);
}

TestSuite(cache_disk, .timeout = 60);

Test(cache_disk, one_request)
{
    for (uint64_t block = 8; block <= CACHE_BLOCK_MAX; block *= 2) {
        open_disk(block);
        submit(3, 41, false, 0x11);
        cr_assert_eq(model_run(model, 9, false), 1, "the device does not see it");
        disk_interrupt(&disk);
        submit(3, 42, true, 0x22);
        cr_assert_eq(model_run(model, 9, false), 1);
        disk_interrupt(&disk);
        cr_assert_eq(finished, 2);
        cr_assert_eq(memcmp(model->disk, expected, sizeof(expected)), 0);
        model_free(model);
    }
}

/* Everything that can happen, in any order. */
static void step(uint64_t *random)
{
    uint64_t lane = random_below(random, LANES);

    switch (random_below(random, 6)) {
    case 0: model_run(model, 1 + (unsigned)random_below(random, LANES), random_below(random, 2)); break;
    case 1: disk_interrupt(&disk); break;
    case 2: evict(); break;
    default:
        if (!lanes[lane].busy) {
            submit(lane, lane * LANE_SECTORS + random_below(random, LANE_SECTORS), random_below(random, 2),
                   (char)random_next(random));
        }
    }
}

Test(cache_disk, many_requests_at_once)
{
    for (uint64_t block = 32; block <= CACHE_BLOCK_MAX; block *= 2) {
        uint64_t random = block;
        open_disk(block);
        for (unsigned i = 0; i < 20000; i++)
            step(&random);
        model_run(model, LANES, false);
        disk_interrupt(&disk);
        cr_assert_gt(finished, 5000);
        cr_assert_eq(disk.in_flight, 0);
        cr_assert_eq(memcmp(model->disk, expected, sizeof(expected)), 0);
        cr_assert_eq(stub_lines, 0, "%s", stub_log);
        model_free(model);
    }
}

Test(cache_disk, without_care_the_device_sees_nothing)
{
    open_disk(0);
    submit(3, 41, false, 0x11);
    cr_assert_neq(model_waiting(&model->queue[0]), 1,
                  "this machine is coherent: the other tests prove nothing");
    model_free(model);
}
