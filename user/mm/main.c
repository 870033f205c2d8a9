/* SPDX-License-Identifier: MIT */
/* Start of the memory manager: takes stock of the memory that init gave it, and serves. */
#include "mm.h"

#include <stdlib.h>

struct given {
    cap_t slot;
    unsigned bits;
};

/* What a large block was split into before there was memory for the table of blocks. */
struct first_splits {
    cap_t half[UNTYPED_MAX_BITS][2];
    unsigned count;
    cap_t chunk;
};

/* Reads "SLOT:SIZE_BITS", both in hex. False when it is something else, or too small to be of use. */
static bool parse_given(const char *text, struct given *given)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 16);
    if (*end != ':' || slot == 0 || slot >= rt_start->cnode_slots)
        return false;
    unsigned long bits = strtoul(end + 1, &end, 16);
    *given = (struct given){.slot = (cap_t)slot, .bits = (unsigned)bits};
    return *end == 0 && bits >= CHUNK_BITS && bits <= UNTYPED_MAX_BITS;
}

/* The argument with the smallest block of use; 0: none. */
static int find_smallest(int argc, char **argv, struct given *smallest)
{
    int found = 0;
    for (int i = 1; i < argc; i++) {
        struct given given;
        if (parse_given(argv[i], &given) && (found == 0 || given.bits < smallest->bits)) {
            *smallest = given;
            found = i;
        }
    }
    return found;
}

/* Halves a block until one chunk is left for mm's own memory. */
static void split_first(struct given from, struct first_splits *splits)
{
    splits->count = 0;
    splits->chunk = from.slot;
    for (unsigned bits = from.bits; bits > CHUNK_BITS; bits--) {
        cap_t half = slot_alloc_group(2);
        enum error error =
            half != 0 ? untyped_retype(splits->chunk, OBJ_UNTYPED, bits - 1, 0, half, 2, 0) : ERR_TOO_MANY;
        if (error)
            rt_fail("cannot split memory: %s", error_text(error));
        splits->half[splits->count][0] = half;
        splits->half[splits->count][1] = half + 1;
        splits->count++;
        splits->chunk = half;
    }
}

/* Enters that block and its parts into the table. */
static void note_first(struct given from, const struct first_splits *splits)
{
    uint32_t block = block_add(from.slot, from.bits);
    for (unsigned i = 0; i < splits->count && block != 0; i++)
        block = block_note_split(block, splits->half[i]);
    if (block == 0)
        rt_fail("no memory for the table of memory");
    block_note_used(block);
}

static void take_stock(int argc, char **argv)
{
    struct given first, given;
    struct first_splits splits;
    int chosen = find_smallest(argc, argv, &first);
    if (chosen == 0)
        rt_fail("was given no memory");
    split_first(first, &splits);
    own_init((char *)OWN_BASE, rt_cap("space"), splits.chunk);
    blocks_init();
    if (!locks_init(receivers_count()))
        rt_fail("was given no slots");
    places_init();
    ledgers_init();
    segments_init();
    spaces_init();
    note_first(first, &splits);
    for (int i = 1; i < argc; i++)
        if (i != chosen && parse_given(argv[i], &given) && block_add(given.slot, given.bits) == 0)
            rt_fail("no memory for the table of memory");
    if (!places_ready())
        rt_fail("no memory for the table of slots");
}

int main(int argc, char **argv)
{
    if (rt_cap("endpoint") == 0 || rt_cap("space") == 0)
        rt_fail("started without an endpoint and its address space");
    take_stock(argc, argv);
    if (!space_adopt("init", rt_cap("init-space")))
        rt_fail("no memory for the table of spaces");
    fault_init(rt_cap("crash"));
    rt_log("%llu KiB of memory", (unsigned long long)(blocks_total() >> 10));
    receivers_serve();
}
