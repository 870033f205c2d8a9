/* SPDX-License-Identifier: MIT */
/* Mapping frames and page tables, compared with a model and with what a walk of the tables finds. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_tables.h"

#define A  w.thread[0]
#define RW (RIGHT_READ | RIGHT_WRITE)

enum { SPACE = W_USER, SPACE2, TABLE1, TABLE0, FRAME, FRAME2, MEGA, OTHER };

/* Where the tests map: the fifth gigabyte, its third two megabytes, the seventh page there. */
#define AT (5ull << 30 | 3 << 21 | 7 << 12)

static void memory_world(void)
{
    world_objects();
    cr_assert_eq(make(OBJ_ADDRESS_SPACE, 0, SPACE), ERR_OK);
    cr_assert_eq(make(OBJ_ADDRESS_SPACE, 0, SPACE2), ERR_OK);
    cr_assert_eq(make(OBJ_PAGE_TABLE, 0, TABLE1), ERR_OK);
    cr_assert_eq(make(OBJ_PAGE_TABLE, 0, TABLE0), ERR_OK);
    cr_assert_eq(make(OBJ_FRAME, PAGE_BITS, FRAME), ERR_OK);
    cr_assert_eq(make(OBJ_FRAME, PAGE_BITS, FRAME2), ERR_OK);
    cr_assert_eq(make(OBJ_FRAME, MEGAPAGE_BITS, MEGA), ERR_OK);
}

TestSuite(kernel_memory, .init = memory_world, .timeout = 100);

static enum error map(unsigned frame, uint64_t address, uint64_t rights)
{
    return INVOKE(frame, OP_FRAME_MAP, SPACE, address, rights);
}

static enum error map_table(unsigned table, uint64_t address)
{
    return INVOKE(table, OP_PAGE_TABLE_MAP, SPACE, address);
}

static void map_both_tables(void)
{
    cr_assert_eq(map_table(TABLE1, AT), ERR_OK);
    cr_assert_eq(word_of(A, 0), 2);
    cr_assert_eq(map_table(TABLE0, AT), ERR_OK);
    cr_assert_eq(word_of(A, 0), 1);
}

static void assert_mapped(uint64_t address, unsigned frame, uint64_t bits)
{
    unsigned level;
    uint64_t entry = walk(SPACE, address, &level);

    cr_assert_eq(12 + 9 * level, w.slots[frame].size_bits);
    cr_assert_eq(entry, (uint64_t)((char *)w.slots[frame].object - host_arena) >> 12 << 10 | bits, "%lx",
                 entry);
}

static bool is_mapped(uint64_t address)
{
    unsigned level;

    return walk(SPACE, address, &level) != 0;
}

/* --- Rules --- */

Test(kernel_memory, a_page_needs_the_tables_above_it)
{
    cr_assert_eq(map(FRAME, AT, RW), ERR_NO_TABLE);
    cr_assert_eq(map_table(TABLE1, AT), ERR_OK);
    cr_assert_eq(map(FRAME, AT, RW), ERR_NO_TABLE);
    cr_assert_eq(map_table(TABLE0, AT), ERR_OK);
    cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
    assert_mapped(AT, FRAME, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
    cr_assert_eq(map_table(OTHER, AT), ERR_NO_CAP);
    cr_assert_eq(make(OBJ_PAGE_TABLE, 0, OTHER), ERR_OK);
    cr_assert_eq(map_table(OTHER, AT), ERR_MAPPED);
}

Test(kernel_memory, a_megapage_needs_one_table_and_a_page_does_not_fit_beneath_it)
{
    cr_assert_eq(map(MEGA, AT & ~0x1fffffull, RW), ERR_NO_TABLE);
    cr_assert_eq(map_table(TABLE1, AT), ERR_OK);
    cr_assert_eq(map(MEGA, AT & ~0x1fffffull, RW), ERR_OK);
    assert_mapped(AT, MEGA, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
    cr_assert_eq(map(FRAME, AT, RW), ERR_MAPPED);
    cr_assert_eq(map_table(TABLE0, AT), ERR_MAPPED);
    cr_assert_eq(INVOKE(MEGA, OP_FRAME_UNMAP), ERR_OK);
    cr_assert_eq(map_table(TABLE0, AT), ERR_OK);
    cr_assert_eq(map(MEGA, AT & ~0x1fffffull, RW), ERR_MAPPED, "a table is there");
}

Test(kernel_memory, rights_are_those_that_were_asked_for_and_never_write_and_execute)
{
    static const struct {
        uint64_t rights, bits;
        enum error error;
    } all[] = {
        {0, 0, ERR_BAD_ARG},
        {RIGHT_READ, PTE_R, ERR_OK},
        {RIGHT_WRITE, 0, ERR_BAD_ARG},
        {RW, PTE_R | PTE_W, ERR_OK},
        {RIGHT_EXEC, PTE_X, ERR_OK},
        {RIGHT_READ | RIGHT_EXEC, PTE_R | PTE_X, ERR_OK},
        {RIGHT_WRITE | RIGHT_EXEC, 0, ERR_BAD_ARG},
        {RW | RIGHT_EXEC, 0, ERR_BAD_ARG},
        {RIGHT_READ | RIGHT_DMA, 0, ERR_BAD_ARG},
        {RIGHT_READ | 1ull << 40, 0, ERR_BAD_ARG},
        {~0ull, 0, ERR_BAD_ARG},
    };

    map_both_tables();
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        uint64_t before = world_hash(A), fences = host.fences;

        cr_expect_eq(map(FRAME, AT, all[i].rights), all[i].error, "case %u", i);
        if (all[i].error) {
            cr_expect_eq(world_hash(A), before, "case %u", i);
            continue;
        }
        assert_mapped(AT, FRAME, PTE_V | PTE_U | PTE_A | PTE_D | all[i].bits);
        cr_expect_eq(host.fences - fences, !!(all[i].bits & PTE_X));
        cr_expect_eq(INVOKE(FRAME, OP_FRAME_UNMAP), ERR_OK);
    }
}

Test(kernel_memory, rights_are_at_most_those_of_the_capability)
{
    map_both_tables();
    for (unsigned have = 1; have < 8; have++)
        for (unsigned want = 1; want < 8; want++) {
            bool allowed = !(want & ~have) && want & (RIGHT_READ | RIGHT_EXEC) &&
                           (!(want & RIGHT_WRITE) || (want & RIGHT_READ && !(want & RIGHT_EXEC)));

            cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, OTHER, 0, FRAME, have), ERR_OK);
            cr_assert_eq(!map(OTHER, AT, want), allowed && have & RIGHT_READ, "%u of %u", want,
                         have);
            slot_delete(&w.slots[OTHER]);
            cr_assert(!is_mapped(AT));
        }
}

Test(kernel_memory, addresses_are_checked)
{
    static const struct {
        unsigned cap;
        uint64_t address;
        enum error error;
    } bad[] = {
        {FRAME, AT + 1, ERR_BAD_ALIGN},
        {FRAME, AT + 0x800, ERR_BAD_ALIGN},
        {MEGA, AT, ERR_BAD_ALIGN},
        {FRAME, USER_END, ERR_BAD_ADDRESS},
        {FRAME, ~0xfffull, ERR_BAD_ADDRESS},
        {FRAME, 1ull << 39, ERR_BAD_ADDRESS},
        {FRAME, 1ull << 63, ERR_BAD_ADDRESS},
        {MEGA, USER_END, ERR_BAD_ADDRESS},
    };

    map_both_tables();
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before = world_hash(A);

        cr_expect_eq(map(bad[i].cap, bad[i].address, RIGHT_READ), bad[i].error, "case %u", i);
        cr_expect_eq(world_hash(A), before, "case %u", i);
    }
    cr_assert_eq(make(OBJ_PAGE_TABLE, 0, OTHER), ERR_OK);
    cr_assert_eq(map_table(OTHER, USER_END), ERR_BAD_ADDRESS);
    cr_assert_eq(map_table(OTHER, ~0ull), ERR_BAD_ADDRESS);
    cr_assert_eq(map_table(OTHER, USER_END - 1), ERR_OK, "the last of user memory, at any alignment");
    cr_assert_eq(INVOKE(FRAME, OP_FRAME_MAP, EP, AT, RIGHT_READ), ERR_WRONG_TYPE);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, OTHER + 1, 0, SPACE, RIGHT_INSPECT), ERR_OK);
    cr_assert_eq(INVOKE(FRAME, OP_FRAME_MAP, OTHER + 1, AT, RIGHT_READ), ERR_NO_RIGHT);
}

Test(kernel_memory, a_capability_is_mapped_once_and_its_copies_each_once)
{
    map_both_tables();
    cr_assert_eq(map(FRAME, AT, RIGHT_READ), ERR_OK);
    cr_assert_eq(map(FRAME, AT + 0x1000, RIGHT_READ), ERR_MAPPED);
    cr_assert_eq(map(FRAME2, AT, RIGHT_READ), ERR_MAPPED);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, OTHER, 0, FRAME, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(map(OTHER, AT + 0x1000, RW), ERR_OK);
    assert_mapped(AT + 0x1000, FRAME, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
    cr_assert_eq(INVOKE(SPACE, OP_ADDRESS_SPACE_INFO), ERR_OK);
    cr_assert_eq(word_of(A, 0), 0x2000);
    slot_delete(&w.slots[OTHER]);
    cr_assert(!is_mapped(AT + 0x1000));
    cr_assert(is_mapped(AT));
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_REVOKE, FRAME), ERR_OK);
    cr_assert(is_mapped(AT));
    slot_delete(&w.slots[FRAME]);
    cr_assert(!is_mapped(AT));
}

Test(kernel_memory, unmapping_flushes_and_mapping_again_works)
{
    map_both_tables();
    for (unsigned i = 0; i < 3; i++) {
        uint64_t flushes;

        cr_assert_eq(map(FRAME, AT + i * 0x1000, RIGHT_READ), ERR_OK);
        cr_assert_eq(INVOKE(FRAME, OP_FRAME_INFO), ERR_OK);
        cr_assert_eq(word_of(A, 2), AT + i * 0x1000);
        flushes = host.flushes;
        cr_assert_eq(INVOKE(FRAME, OP_FRAME_UNMAP), ERR_OK);
        cr_assert_gt(host.flushes, flushes);
        cr_assert(!is_mapped(AT + i * 0x1000));
        cr_assert_eq(INVOKE(FRAME, OP_FRAME_UNMAP), ERR_OK, "twice does no harm");
    }
    cr_assert_eq(INVOKE(SPACE, OP_ADDRESS_SPACE_INFO), ERR_OK);
    cr_assert_eq(word_of(A, 0), 0);
}

Test(kernel_memory, a_frame_tells_its_physical_address_only_with_the_right)
{
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, OTHER, 0, FRAME, RIGHTS_ALL & ~RIGHT_DMA), ERR_OK);
    cr_assert_eq(INVOKE(FRAME, OP_FRAME_INFO), ERR_OK);
    cr_assert_eq(word_of(A, 0), PAGE_BITS);
    cr_assert_eq(word_of(A, 3), arch_physical(w.slots[FRAME].object));
    cr_assert_eq(INVOKE(OTHER, OP_FRAME_INFO), ERR_OK);
    cr_assert_eq(word_of(A, 3), 0);
}

Test(kernel_memory, clearing_fills_with_zeros_and_nothing_beside)
{
    char *page = w.slots[FRAME].object;

    memset(page, 0x77, 8192); /* FRAME2 lies after it */
    cr_assert_eq(INVOKE(FRAME, OP_FRAME_CLEAR), ERR_OK);
    for (unsigned i = 0; i < 8192; i++)
        cr_assert_eq(page[i], i < 4096 ? 0 : 0x77);
    cr_assert_eq(INVOKE(MEGA, OP_FRAME_CLEAR), ERR_UNSUPPORTED);
    cr_assert_eq(INVOKE(W_DEVICE, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, OTHER, 1, 0), ERR_OK);
    cr_assert_eq(INVOKE(OTHER, OP_FRAME_CLEAR), ERR_UNSUPPORTED);
}

/* --- Tables that go away --- */

Test(kernel_memory, what_was_below_a_table_that_goes_away_is_out_of_reach)
{
    for (unsigned which = 0; which < 2; which++) {
        memory_world();
        map_both_tables();
        cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
        destroy(which ? TABLE1 : TABLE0);
        cr_assert(!is_mapped(AT));
        cr_assert_eq(make(OBJ_PAGE_TABLE, 0, OTHER), ERR_OK);
        cr_assert_eq(map_table(OTHER, AT), ERR_OK);
        cr_assert(!is_mapped(AT));
        if (!which)
            cr_assert_eq(map(FRAME2, AT, RIGHT_READ), ERR_OK);
        cr_assert_eq(INVOKE(FRAME, OP_FRAME_UNMAP), ERR_OK);
        cr_assert_eq(is_mapped(AT), !which, "the frame that was there before took the new one away");
        cr_assert_eq(INVOKE(SPACE, OP_ADDRESS_SPACE_INFO), ERR_OK);
        cr_assert_eq(word_of(A, 0), which ? 0 : 4096);
    }
}

Test(kernel_memory, a_table_comes_back_empty)
{
    map_both_tables();
    cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
    cr_assert_eq(INVOKE(TABLE0, OP_PAGE_TABLE_UNMAP), ERR_OK);
    cr_assert(!is_mapped(AT));
    cr_assert_eq(map_table(TABLE0, AT + (1 << 21)), ERR_OK);
    cr_assert(!is_mapped(AT));
    cr_assert(!is_mapped(AT + (1 << 21)), "what the table had is there again");
    cr_assert_eq(reachable(w.slots[SPACE].object, 2), 0);
}

/* A level-0 table entered at level 1 would turn a page at the start of two megabytes into all of them. */
Test(kernel_memory, a_table_at_another_level_gives_no_more_memory)
{
    unsigned first = OTHER;

    map_both_tables();
    cr_assert_eq(make(OBJ_FRAME, PAGE_BITS, first), ERR_OK);
    cr_assert_eq(arch_physical(w.slots[first].object) & ((1 << MEGAPAGE_BITS) - 1), 0);
    cr_assert_eq(map(first, AT, RW), ERR_OK);
    cr_assert_eq(INVOKE(TABLE0, OP_PAGE_TABLE_UNMAP), ERR_OK);
    cr_assert_eq(INVOKE(TABLE0, OP_PAGE_TABLE_MAP, SPACE, 9ull << 30), ERR_OK);
    cr_assert_eq(word_of(A, 0), 2);
    cr_assert_eq(reachable(w.slots[SPACE].object, 2), 0);
}

Test(kernel_memory, a_table_is_in_one_place_only)
{
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, OTHER, 0, TABLE1, RIGHTS_ALL), ERR_WRONG_TYPE);
    map_both_tables();
    cr_assert_eq(map_table(TABLE1, AT), ERR_MAPPED);
    cr_assert_eq(INVOKE(TABLE1, OP_PAGE_TABLE_MAP, SPACE2, 0), ERR_MAPPED);
    cr_assert_eq(INVOKE(TABLE0, OP_PAGE_TABLE_UNMAP), ERR_OK);
    cr_assert_eq(INVOKE(TABLE0, OP_PAGE_TABLE_MAP, SPACE2, 0), ERR_OK);
}

/* --- Capabilities that move, spaces that die --- */

Test(kernel_memory, a_capability_that_moves_stays_mapped)
{
    map_both_tables();
    cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
    cr_assert_eq(map(FRAME2, AT + 0x1000, RW), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, OTHER, 0, FRAME), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, FRAME, 0, TABLE0), ERR_OK);
    cr_assert(is_mapped(AT));
    cr_assert_eq(INVOKE(OTHER, OP_FRAME_UNMAP), ERR_OK);
    cr_assert(!is_mapped(AT));
    cr_assert(is_mapped(AT + 0x1000));
    cr_assert_eq(INVOKE(FRAME, OP_PAGE_TABLE_UNMAP), ERR_OK);
    cr_assert(!is_mapped(AT + 0x1000));
    check_world(true);
}

/* Wherever it stands in the list of what is mapped. */
Test(kernel_memory, a_capability_that_moved_is_unmapped_when_the_space_dies)
{
    for (unsigned moved = TABLE1; moved <= FRAME2; moved++) {
        memory_world();
        map_both_tables();
        cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
        cr_assert_eq(map(FRAME2, AT + 0x1000, RW), ERR_OK);
        cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, OTHER, 0, moved), ERR_OK);
        cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, SPACE), ERR_OK);
        for (unsigned i = TABLE1; i <= OTHER; i++)
            cr_assert_null(w.slots[i].space, "slot %u after a move of %u", i, moved);
    }
}

Test(kernel_memory, what_is_mapped_in_a_space_that_dies_can_be_mapped_elsewhere)
{
    map_both_tables();
    cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
    cr_assert_eq(map(FRAME2, AT + 0x1000, RW), ERR_OK);
    host.interrupt_pending = true;
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, SPACE), ERR_OK);
    host.interrupt_pending = false;
    for (unsigned i = TABLE1; i <= FRAME2; i++)
        cr_assert_null(w.slots[i].space, "slot %u", i);
    cr_assert_eq(make(OBJ_ADDRESS_SPACE, 0, SPACE), ERR_OK);
    cr_assert_eq(reachable(w.slots[SPACE].object, 2), 0);
    map_both_tables();
    cr_assert(!is_mapped(AT));
    cr_assert_eq(map(FRAME, AT, RIGHT_READ), ERR_OK);
    cr_assert(is_mapped(AT));
}

Test(kernel_memory, whatever_is_mapped_in_a_space_that_dies_may_go_at_any_time)
{
    for (unsigned steps = 0; steps < 6; steps++) {
        memory_world();
        map_both_tables();
        cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
        cr_assert_eq(map(FRAME2, AT + 0x1000, RW), ERR_OK);
        slot_delete(&w.slots[SPACE]);
        host.interrupt_pending = true; /* reap() does a step each time */
        for (unsigned i = 0; i < steps; i++)
            reap();
        destroy(TABLE1);
        destroy(FRAME);
        cr_assert_eq(INVOKE(FRAME2, OP_FRAME_UNMAP), ERR_OK);
        destroy(TABLE0);
        destroy(FRAME2);
        host.interrupt_pending = false;
        cr_assert(reap());
        check_world(true);
    }
}

/* Two tables go on to another space while a frame still counts as mapped in the first. */
Test(kernel_memory, what_was_in_a_space_that_dies_leads_into_no_other)
{
    map_both_tables();
    cr_assert_eq(map(FRAME, AT, RW), ERR_OK);
    cr_assert_eq(INVOKE(TABLE1, OP_PAGE_TABLE_UNMAP), ERR_OK);
    cr_assert_eq(INVOKE(TABLE0, OP_PAGE_TABLE_UNMAP), ERR_OK);
    map_both_tables();
    slot_delete(&w.slots[SPACE]);
    host.interrupt_pending = true;
    reap();
    reap();
    cr_assert_eq(make(OBJ_ADDRESS_SPACE, 0, SPACE), ERR_OK);
    map_both_tables();
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, OTHER, 0, FRAME, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(map(OTHER, AT, RW), ERR_OK);
    cr_assert_not_null(w.slots[FRAME].space, "the test needs a space that is half taken apart");
    cr_assert_eq(INVOKE(FRAME, OP_FRAME_UNMAP), ERR_OK);
    cr_assert(is_mapped(AT));
    host.interrupt_pending = false;
    cr_assert(reap());
    check_world(true);
}

Test(kernel_memory, a_thread_stops_when_its_space_dies)
{
    slot_delete(&w.thread[1]->slot[THREAD_SPACE]);
    cr_assert_eq(w.thread[1]->state, THREAD_INACTIVE);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_CONFIGURE, W_CNODE, SPACE, 0, 0), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_OK);
    run(w.thread[1]);
    schedule();
    cr_assert_eq(INVOKE_AS(w.thread[2], W_CNODE, OP_CNODE_REVOKE, W_UNTYPED), ERR_OK);
    cr_assert_eq(w.thread[1]->state, THREAD_INACTIVE);
    cr_assert_neq(host.space[0], (struct address_space *)w.slots[SPACE].object);
}
