/* SPDX-License-Identifier: MIT */
/* Random mapping and unmapping of frames and page tables, compared with a model of the address space. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_tables.h"

TestSuite(kernel_map, .init = world_objects, .timeout = 100);

#define FRAMES 24
#define TABLES 10
enum { SPACE = W_USER, R_FRAME = W_USER + 16, R_TABLE = R_FRAME + FRAMES };

/* What is where, by slot. A table's level is that of the table that points to it. */
static struct placed {
    bool held; /* the capability counts as mapped, */
    bool is;   /* and nothing above it was taken out since */
    uint64_t address;
    unsigned level;
    uint64_t rights;
} placed_frame[FRAMES], placed_table[TABLES];

/* Whether the model has a table that holds the entry of that level for the address. */
static bool model_has_table(uint64_t address, unsigned level)
{
    if (level == 2)
        return true;
    for (unsigned i = 0; i < TABLES; i++)
        if (placed_table[i].is && placed_table[i].level == level + 1 &&
            placed_table[i].address >> (21 + 9 * level) == address >> (21 + 9 * level))
            return model_has_table(address, level + 1);
    return false;
}

/* Whether the model has something, frame or table, in the entry of that level for the address. */
static bool model_has_entry(uint64_t address, unsigned level)
{
    unsigned shift = 12 + 9 * level;

    for (unsigned i = 0; i < FRAMES; i++)
        if (placed_frame[i].is && placed_frame[i].level == level &&
            placed_frame[i].address >> shift == address >> shift)
            return true;
    for (unsigned i = 0; i < TABLES; i++)
        if (placed_table[i].is && placed_table[i].level == level &&
            placed_table[i].address >> shift == address >> shift)
            return true;
    return false;
}

static unsigned frame_level_of(unsigned i)
{
    return i < FRAMES - 3 ? 0 : 1;
}

/* Few addresses, so that things meet. */
static uint64_t random_address(unsigned level)
{
    uint64_t address =
        (uint64_t)(rand() % 2) << 30 | (uint64_t)(rand() % 3) << 21 | (uint64_t)(rand() % 4) << 12;

    return address >> (12 + 9 * level) << (12 + 9 * level);
}

static enum error model_map_frame(unsigned i, uint64_t address)
{
    unsigned level = frame_level_of(i);

    if (placed_frame[i].held)
        return ERR_MAPPED;
    for (unsigned above = 2; above > level; above--)
        if (!model_has_table(address, above - 1))
            return model_has_entry(address, above) ? ERR_MAPPED : ERR_NO_TABLE;
    return model_has_entry(address, level) ? ERR_MAPPED : ERR_OK;
}

/* The level of the table that gets the entry, or 0: it is mapped already. */
static unsigned model_map_table(unsigned i, uint64_t address)
{
    if (placed_table[i].held)
        return 0;
    for (unsigned level = 2; level > 0; level--)
        if (!model_has_table(address, level - 1))
            return model_has_entry(address, level) ? 0 : level;
    return 0;
}

/* Everything below a table that is taken out is out of reach. */
static void model_remove_table(unsigned i)
{
    unsigned shift = 12 + 9 * placed_table[i].level;
    bool was = placed_table[i].is;

    placed_table[i].held = placed_table[i].is = false;
    if (!was)
        return;
    for (unsigned n = 0; n < FRAMES; n++)
        if (placed_frame[n].level < placed_table[i].level &&
            placed_frame[n].address >> shift == placed_table[i].address >> shift)
            placed_frame[n].is = false;
    for (unsigned n = 0; n < TABLES; n++)
        if (placed_table[n].is && placed_table[n].level < placed_table[i].level &&
            placed_table[n].address >> shift == placed_table[i].address >> shift)
            placed_table[n].is = false;
}

static void compare_with_model(void)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < FRAMES; i++) {
        unsigned level;
        uint64_t entry;

        if (!placed_frame[i].is)
            continue;
        entry = walk(SPACE, placed_frame[i].address, &level);
        cr_assert_eq(level, frame_level_of(i));
        cr_assert_eq(entry >> 10 << 12, arch_physical(w.slots[R_FRAME + i].object), "frame %u", i);
        cr_assert_eq(entry >> 1 & 7, placed_frame[i].rights);
        bytes += 1ull << w.slots[R_FRAME + i].size_bits;
    }
    cr_assert_eq(reachable(w.slots[SPACE].object, 2), bytes, "more is mapped than should be");
}

static void step_frame(unsigned i)
{
    unsigned slot = R_FRAME + i, level = frame_level_of(i);
    struct placed *placed = &placed_frame[i];

    if (rand() % 3 == 0) {
        cr_assert_eq(INVOKE(slot, OP_FRAME_UNMAP), ERR_OK);
        placed->held = placed->is = false;
    } else {
        uint64_t address = random_address(level), rights = (uint8_t[]){1, 3, 4, 5}[rand() % 4];
        enum error expected = model_map_frame(i, address);

        cr_assert_eq(INVOKE(slot, OP_FRAME_MAP, SPACE, address, rights), expected, "frame %u at %lx", i,
                     address);
        if (!expected)
            *placed = (struct placed){true, true, address, level, rights};
    }
}

static void step_table(unsigned i)
{
    unsigned slot = R_TABLE + i;

    if (rand() % 3 == 0) {
        cr_assert_eq(INVOKE(slot, OP_PAGE_TABLE_UNMAP), ERR_OK);
        model_remove_table(i);
    } else {
        uint64_t address = random_address(0);
        unsigned level = model_map_table(i, address);

        cr_assert_eq(INVOKE(slot, OP_PAGE_TABLE_MAP, SPACE, address), level ? ERR_OK : ERR_MAPPED);
        if (level) {
            cr_assert_eq(word_of(w.thread[0], 0), level);
            placed_table[i] = (struct placed){true, true, address, level, 0};
        }
    }
}

/* Another slot for the capability and back: nothing else changes. */
static void step_move(unsigned slot)
{
    enum { THERE = R_TABLE + TABLES };

    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, THERE, 0, slot), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, slot, 0, THERE), ERR_OK);
}

static void step_new_space(void)
{
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, SPACE), ERR_OK);
    cr_assert_eq(make(OBJ_ADDRESS_SPACE, 0, SPACE), ERR_OK);
    memset(placed_frame, 0, sizeof(placed_frame));
    memset(placed_table, 0, sizeof(placed_table));
}

Test(kernel_map, what_is_mapped_is_what_a_model_says)
{
    unsigned most = 0;

    cr_assert_eq(make(OBJ_ADDRESS_SPACE, 0, SPACE), ERR_OK);
    for (unsigned i = 0; i < FRAMES; i++)
        cr_assert_eq(make(OBJ_FRAME, frame_level_of(i) ? MEGAPAGE_BITS : PAGE_BITS, R_FRAME + i), ERR_OK);
    for (unsigned i = 0; i < TABLES; i++)
        cr_assert_eq(make(OBJ_PAGE_TABLE, 0, R_TABLE + i), ERR_OK);
    srand(4);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned mapped = 0;

        if (rand() % 1000 == 0)
            step_new_space();
        else if (rand() % 20 == 0)
            step_move(R_FRAME + rand() % (FRAMES + TABLES));
        else if (rand() % 3)
            step_frame(rand() % FRAMES);
        else
            step_table(rand() % TABLES);
        compare_with_model();
        for (unsigned i = 0; i < FRAMES; i++)
            mapped += placed_frame[i].is;
        most = mapped > most ? mapped : most;
    }
    cr_assert_gt(most, FRAMES / 3, "never more than %u were mapped", most);
    check_world(true);
}
