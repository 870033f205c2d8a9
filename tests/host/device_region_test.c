/* SPDX-License-Identifier: MIT */
/* A driver's registers, which come in segments that must be mapped one behind the other. */
// sources: lib/driver/device.c
#include "rt_stub.h"

#include <criterion/criterion.h>
#include <driver/device.h>
#include <proto/mm.h>

#define MEGAPAGE (2ull << 20)
#define RANGE    0x101fe800ull /* where the registers are: two pages, three megapages, a page */
#define SIZE     0x602000ull
#define HOLE     0x40003000ull /* where mm finds room */

/* The segments that dev has made of the range, as registers.c does. */
static const struct {
    uint64_t start, end;
} piece[] = {{0x101fe000, 0x10200000}, {0x10200000, 0x10800000}, {0x10800000, 0x10801000}};
enum { PIECES = sizeof(piece) / sizeof(piece[0]) };

static cap_t next_slot;
static unsigned asked, slots_free;
static uint64_t reserved, lies; /* what dev says of the length: more than there is */
static struct {
    uint64_t address, start;
} mapping[8];
static unsigned mappings;
static enum error map_error;

const struct mmio_access mmio_direct;
const struct cache_access cache_direct;

cap_t slot_alloc(void)
{
    slots_free--;
    return next_slot++;
}

void slot_free(cap_t slot)
{
    cr_assert_neq(slot, 0);
    slots_free++;
}

cap_t rt_cap(const char *name)
{
    cr_assert_str_eq(name, "dev");
    return 9;
}

enum error proto_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                      void *reply, const cap_t *give, cap_t *const *take)
{
    const struct dev_region_request *q = request;
    struct dev_region_reply *r = reply;
    uint64_t at = RANGE + q->from, end = RANGE + SIZE;

    cr_assert(server == 9 && op->number == OP_dev_region && q->n == 1);
    (void)size, (void)give;
    if (q->from >= SIZE)
        return ERR_BAD_ARG;
    unsigned i = 0;
    while (at >= piece[i].end)
        i++;
    asked |= 1u << i;
    *r = (struct dev_region_reply){
        .size = SIZE,
        .length = (end < piece[i].end ? end : piece[i].end) - at + lies,
        .offset = at - piece[i].start,
        .segment_length = piece[i].end - piece[i].start,
        .alignment = piece[i].start % MEGAPAGE,
    };
    /* The n-th slot has the n-th segment that was asked for: */
    mapping[mappings].start = piece[i].start;
    *take[0] = slot_alloc();
    return ERR_OK;
}

enum error proto_long_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                           void *reply)
{
    (void)server, (void)request, (void)size, (void)reply;
    cr_assert_fail("%s was called", op->name);
    return ERR_BAD_OP;
}

void *rt_map(size_t length, uint64_t prot)
{
    cr_assert_eq(prot, MM_READ);
    reserved = length;
    return (void *)HOLE;
}

void rt_unmap(void *address, size_t length)
{
    cr_assert(address == (void *)HOLE && length == reserved);
}

enum error segment_map_at(struct segment *segment, cap_t cap, uint64_t address, size_t length, uint64_t prot)
{
    cr_assert_eq(prot, MM_READ | MM_WRITE);
    if (map_error)
        return map_error;
    if (address == 0)
        address = 0x50000000 + mapping[mappings].start % MEGAPAGE;
    else
        cr_assert(address >= HOLE && address + length <= HOLE + reserved, "outside of what is free");
    cr_assert_eq(address % MEGAPAGE, mapping[mappings].start % MEGAPAGE, "megapages cannot be mapped so");
    mapping[mappings++].address = address;
    *segment = (struct segment){.cap = cap, .address = (void *)address, .length = length};
    return ERR_OK;
}

/* The rest of the run-time that device.c calls. */
enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    (void)cnode, (void)slot, (void)source_cnode, (void)source, (void)rights, (void)badge;
    return ERR_UNSUPPORTED;
}

enum error kernel_call(cap_t object, uint32_t op, const uint64_t *in, unsigned in_count, uint64_t *out,
                       unsigned out_count)
{
    (void)object, (void)op, (void)in, (void)in_count, (void)out, (void)out_count;
    return ERR_UNSUPPORTED;
}

enum error segment_map(struct segment *segment, cap_t cap, size_t length, uint64_t prot)
{
    (void)segment, (void)cap, (void)length, (void)prot;
    return ERR_UNSUPPORTED;
}

void segment_drop(struct segment *segment)
{
    (void)segment;
}

static struct device device = {.info = {.name = "pcie@10000000"}};
static struct mmio region;

static void set_up(void)
{
    next_slot = 100;
    slots_free = 100;
    mappings = asked = 0;
    lies = 0;
    map_error = ERR_OK;
}

TestSuite(device_region, .init = set_up);

Test(device_region, a_part_that_one_segment_has)
{
    cr_assert_eq(device_region(&device, 1, 0, 0x100, &region), ERR_OK);
    cr_assert_eq(region.length, 0x100);
    cr_assert_eq((uint64_t)region.context, 0x50000000 + RANGE % MEGAPAGE);
    cr_assert_eq(asked, 1);
    cr_assert_eq(device_region(&device, 1, SIZE - 8, PAGE_BYTES, &region), ERR_OK);
    cr_assert_eq(region.length, 8, "there are no more");
}

Test(device_region, all_of_them)
{
    cr_assert_eq(device_region(&device, 1, 0, DEVICE_ALL, &region), ERR_OK);
    cr_assert_eq(region.length, SIZE);
    cr_assert_eq(asked, 7);
    cr_assert_eq(mappings, PIECES);
    for (unsigned i = 0; i < PIECES; i++)
        cr_assert_eq(mapping[i].address - mapping[0].address, piece[i].start - piece[0].start);
    cr_assert_eq((uint64_t)region.context, mapping[0].address + RANGE - piece[0].start);
}

Test(device_region, some_from_the_middle)
{
    cr_assert_eq(device_region(&device, 1, 0x100000, SIZE - 0x100000 - 4, &region), ERR_OK);
    cr_assert_eq(region.length, SIZE - 0x100000 - 4);
    cr_assert_eq(asked, 6);
}

Test(device_region, none_there)
{
    cr_assert_eq(device_region(&device, 1, SIZE, 4, &region), ERR_BAD_ARG);
    cr_assert_eq(slots_free, 100);
}

Test(device_region, a_dev_that_lies)
{
    lies = 1;
    cr_assert_eq(device_region(&device, 1, SIZE - 8, 4, &region), ERR_BAD_ADDRESS);
    lies = UINT64_MAX - 0x10000;
    cr_assert_eq(device_region(&device, 1, 0, DEVICE_ALL, &region), ERR_BAD_ADDRESS);
    cr_assert_eq(slots_free, 100);
    cr_assert_eq(mappings, 0);
}

Test(device_region, mm_that_has_no_room)
{
    map_error = ERR_NO_MEMORY;
    cr_assert_eq(device_region(&device, 1, 0, 4, &region), ERR_NO_MEMORY);
    cr_assert_eq(slots_free, 100);
}
