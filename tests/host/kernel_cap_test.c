/* SPDX-License-Identifier: MIT */
/* Capabilities, the derivation tree and untyped memory, in the kernel core on arch/host. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_world.h"

#define START_WORLD TestSuite(kernel_cap, .init = world_make, .timeout = 50)
START_WORLD;

static enum error copy(unsigned to, unsigned from, uint64_t rights)
{
    return INVOKE(W_CNODE, OP_CNODE_COPY, to, 0, from, rights);
}

static enum error delete(unsigned slot)
{
    return INVOKE(W_CNODE, OP_CNODE_DELETE, slot);
}

static enum error revoke(unsigned slot)
{
    return INVOKE(W_CNODE, OP_CNODE_REVOKE, slot);
}

static unsigned count_type(enum object_type type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < W_SLOTS; i++)
        count += w.slots[i].type == type;
    return count;
}

Test(kernel_cap, retype_makes_objects_of_every_type)
{
    static const struct {
        enum object_type type;
        unsigned bits, size;
    } all[] = {
        {OBJ_UNTYPED, 16, 16},      {OBJ_CNODE, 10, 10},   {OBJ_THREAD, 0, 10},   {OBJ_SCHED_CONTEXT, 0, 7},
        {OBJ_ADDRESS_SPACE, 0, 12}, {OBJ_PAGE_TABLE, 0, 12}, {OBJ_FRAME, 12, 12}, {OBJ_FRAME, 21, 21},
        {OBJ_ENDPOINT, 0, 6},       {OBJ_NOTIFICATION, 0, 6}, {OBJ_REPLY, 0, 6},  {OBJ_TIMER, 0, 6},
    };
    uint64_t end = 0;

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct slot *slot = &w.slots[W_FREE + i];
        uint64_t offset;

        cr_assert_eq(make(all[i].type, all[i].bits, W_FREE + i), ERR_OK);
        cr_assert_eq(slot->type, all[i].type);
        cr_assert_eq(slot->size_bits, all[i].size);
        offset = (char *)slot->object - host_arena;
        cr_assert(offset >= end, "object %u overlaps the one before", i);
        cr_assert_eq(offset & ((1ull << all[i].size) - 1), 0);
        end = offset + (1ull << all[i].size);
        for (uint64_t b = 0;
             all[i].type != OBJ_UNTYPED && all[i].type != OBJ_ADDRESS_SPACE && b < 1ull << all[i].size; b++)
            cr_assert_eq(((char *)slot->object)[b], 0, "memory of type %u is not clear", all[i].type);
    }
    check_world(true);
}

Test(kernel_cap, retype_refuses_bad_arguments_and_changes_nothing)
{
    static const struct {
        uint64_t arg[6];
        enum error error;
    } bad[] = {
        {{OBJ_NULL, 0, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_IRQ_HANDLER, 0, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_TYPE_COUNT, 0, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{~0ull, 0, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 13, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 64 + 12, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_CNODE, 6, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_CNODE, 23, 0, W_FREE, 1, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, W_FREE, 0, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, W_FREE, 65, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, 0, 1, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, W_SLOTS, 1, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, W_SLOTS - 1, 2, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, ~0ull, 2, 0}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, W_CNODE, 1, 0}, ERR_SLOT_FULL},
        {{OBJ_FRAME, 12, 999, W_FREE, 1, 0}, ERR_NO_CAP},
        {{OBJ_FRAME, 12, W_UNTYPED, W_FREE, 1, 0}, ERR_WRONG_TYPE},
        {{OBJ_FRAME, 30, 0, W_FREE, 1, 0}, ERR_NO_MEMORY},
        {{OBJ_FRAME, 12, 0, W_FREE, 1, 1 << 24}, ERR_NO_MEMORY},
        {{OBJ_FRAME, 12, 0, W_FREE, 1, 64}, ERR_BAD_ARG},
        {{OBJ_FRAME, 12, 0, W_FREE, 1, ~4095ull}, ERR_NO_MEMORY},
        {{OBJ_UNTYPED, 25, 0, W_FREE, 1, 0}, ERR_NO_MEMORY},
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before = world_hash(w.thread[0]);
        const uint64_t *a = bad[i].arg;

        cr_expect_eq(INVOKE(W_UNTYPED, OP_UNTYPED_RETYPE, a[0], a[1], a[2], a[3], a[4], a[5]), bad[i].error,
                     "case %u", i);
        cr_expect_eq(world_hash(w.thread[0]), before, "case %u changed something", i);
    }
}

Test(kernel_cap, untyped_is_exhausted_and_comes_back)
{
    unsigned made = 0;

    while (!make(OBJ_FRAME, MEGAPAGE_BITS, W_FREE + made))
        made++;
    cr_assert_eq(made, 8);
    cr_assert_eq(make(OBJ_ENDPOINT, 0, W_FREE + made), ERR_NO_MEMORY);
    for (unsigned i = 0; i < made; i++)
        cr_assert_eq(delete(W_FREE + i), ERR_OK);
    cr_assert_eq(make(OBJ_FRAME, MEGAPAGE_BITS, W_FREE), ERR_OK);
    cr_assert_eq(w.slots[W_FREE].object, host_arena);
}

Test(kernel_cap, memory_that_comes_back_is_clear_again)
{
    cr_assert_eq(make(OBJ_FRAME, PAGE_BITS, W_FREE), ERR_OK);
    memset(w.slots[W_FREE].object, 0x5a, 4096);
    cr_assert_eq(delete(W_FREE), ERR_OK);
    cr_assert_eq(make(OBJ_FRAME, PAGE_BITS, W_FREE), ERR_OK);
    for (unsigned i = 0; i < 4096; i++)
        cr_assert_eq(((char *)w.slots[W_FREE].object)[i], 0);
}

Test(kernel_cap, an_interrupted_retype_goes_on_where_it_stopped)
{
    host.interrupt_pending = true; /* one step a call: a megapage takes 512 */
    cr_assert_eq(make(OBJ_FRAME, MEGAPAGE_BITS, W_FREE), ERR_OK);
    for (unsigned i = 0; i < 1 << MEGAPAGE_BITS; i += 8)
        cr_assert_eq(*(uint64_t *)((char *)w.slots[W_FREE].object + i), 0);
}

Test(kernel_cap, device_memory_gives_frames_at_offsets_and_is_not_touched)
{
    char *device = w.slots[W_DEVICE].object;

    memset(device, 0x77, 1 << 20);
    cr_assert_eq(INVOKE(W_DEVICE, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, W_FREE, 1, 0x5000), ERR_OK);
    cr_assert_eq(w.slots[W_FREE].object, device + 0x5000);
    cr_assert_eq(INVOKE(W_DEVICE, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, W_FREE + 1, 1, 0x5000), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(W_DEVICE, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, W_FREE + 1, 1, 0x7000), ERR_OK);
    cr_assert_eq(INVOKE(W_DEVICE, OP_UNTYPED_RETYPE, OBJ_ENDPOINT, 0, 0, W_FREE + 2, 1, 0), ERR_WRONG_TYPE);
    cr_assert_eq(INVOKE(W_FREE, OP_FRAME_CLEAR), ERR_UNSUPPORTED);
    cr_assert_eq(device[0x5000], 0x77);
}

Test(kernel_cap, copies_lose_rights_and_never_gain_them)
{
    cr_assert_eq(make(OBJ_ENDPOINT, 0, W_FREE), ERR_OK);
    cr_assert_eq(copy(W_FREE + 1, W_FREE, RIGHT_SEND), ERR_OK);
    cr_assert_eq(copy(W_FREE + 2, W_FREE + 1, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(w.slots[W_FREE + 2].rights, RIGHT_SEND);
    check_world(true);
}

Test(kernel_cap, badges_are_minted_once)
{
    cr_assert_eq(make(OBJ_ENDPOINT, 0, W_FREE), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MINT, W_FREE + 1, 0, W_FREE, RIGHT_SEND, 77), ERR_OK);
    cr_assert_eq(w.slots[W_FREE + 1].badge, 77);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MINT, W_FREE + 2, 0, W_FREE + 1, RIGHT_SEND, 78), ERR_IN_USE);
    cr_assert_eq(copy(W_FREE + 2, W_FREE + 1, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(w.slots[W_FREE + 2].badge, 77);
    cr_assert_eq(make(OBJ_FRAME, 12, W_FREE + 3), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MINT, W_FREE + 4, 0, W_FREE + 3, RIGHTS_ALL, 5), ERR_WRONG_TYPE);
}

Test(kernel_cap, untyped_cannot_be_copied_but_moves_with_its_children)
{
    cr_assert_eq(copy(W_FREE, W_UNTYPED, RIGHTS_ALL), ERR_WRONG_TYPE);
    cr_assert_eq(make(OBJ_ENDPOINT, 0, W_FREE), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, W_FREE + 1, 0, W_UNTYPED), ERR_OK);
    cr_assert(slot_is_empty(&w.slots[W_UNTYPED]));
    cr_assert_eq(w.slots[W_FREE].parent, &w.slots[W_FREE + 1]);
    cr_assert_eq(INVOKE(W_FREE + 1, OP_UNTYPED_RETYPE, OBJ_ENDPOINT, 0, 0, W_FREE + 2, 1, 0), ERR_OK);
    cr_assert_neq(w.slots[W_FREE + 2].object, w.slots[W_FREE].object);
    check_world(true);
}

Test(kernel_cap, revoke_takes_what_is_below_and_nothing_beside)
{
    cr_assert_eq(make(OBJ_ENDPOINT, 0, 20), ERR_OK);
    cr_assert_eq(copy(21, 20, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(copy(22, 21, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(copy(23, 22, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(copy(24, 20, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(revoke(21), ERR_OK);
    cr_assert_eq(w.slots[22].type, OBJ_NULL);
    cr_assert_eq(w.slots[23].type, OBJ_NULL);
    cr_assert_eq(w.slots[21].type, OBJ_ENDPOINT);
    cr_assert_eq(w.slots[24].type, OBJ_ENDPOINT);
    check_world(true);
}

Test(kernel_cap, deleting_a_source_keeps_its_copies_revocable)
{
    cr_assert_eq(make(OBJ_ENDPOINT, 0, 20), ERR_OK);
    cr_assert_eq(copy(21, 20, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(copy(22, 21, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(delete(20), ERR_OK);
    cr_assert_eq(delete(21), ERR_OK);
    cr_assert_eq(w.slots[22].parent, &w.slots[W_UNTYPED]);
    check_world(true);
    cr_assert_eq(revoke(W_UNTYPED), ERR_OK);
    cr_assert_eq(count_type(OBJ_ENDPOINT), 0);
    check_world(true);
}

Test(kernel_cap, revoking_a_long_chain_takes_bounded_steps)
{
    cr_assert_eq(make(OBJ_ENDPOINT, 0, 20), ERR_OK);
    for (unsigned i = 21; i < 1000; i++)
        cr_assert_eq(copy(i, i - 1, RIGHTS_ALL), ERR_OK);
    host.interrupt_pending = true; /* every step is one system call */
    cr_assert_eq(revoke(20), ERR_OK);
    cr_assert_eq(count_type(OBJ_ENDPOINT), 1);
    check_world(true);
}

Test(kernel_cap, a_cnode_takes_its_content_along_even_in_a_cycle)
{
    cr_assert_eq(make(OBJ_CNODE, 10, 20), ERR_OK);
    cr_assert_eq(make(OBJ_CNODE, 10, 21), ERR_OK);
    cr_assert_eq(make(OBJ_ENDPOINT, 0, 22), ERR_OK);
    cr_assert_eq(INVOKE(20, OP_CNODE_MOVE, 3, 0, 22), ERR_OK);
    cr_assert_eq(INVOKE(20, OP_CNODE_COPY, 4, 0, 21, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(INVOKE(21, OP_CNODE_COPY, 4, 0, 20, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(delete(20), ERR_OK);
    cr_assert_eq(delete(21), ERR_OK);
    check_world(false);
    host.interrupt_pending = true;
    cr_assert_eq(revoke(W_UNTYPED), ERR_OK);
    cr_assert_null(w.slots[W_UNTYPED].child);
    cr_assert_eq(make(OBJ_FRAME, MEGAPAGE_BITS, 20), ERR_OK);
    cr_assert_eq(w.slots[20].object, host_arena);
}

Test(kernel_cap, nested_cnodes_die_without_recursion)
{
    cr_assert_eq(make(OBJ_CNODE, 7, 20), ERR_OK);
    for (unsigned i = 0; i < 900; i++) {
        cr_assert_eq(make(OBJ_CNODE, 7, 21), ERR_OK);
        cr_assert_eq(INVOKE(21, OP_CNODE_MOVE, 1, 0, 20), ERR_OK);
        cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, 20, 0, 21), ERR_OK);
    }
    cr_assert_eq(delete(20), ERR_OK);
    cr_assert_null(w.slots[W_UNTYPED].child);
}

Test(kernel_cap, slot_0_of_a_cnode_never_holds_a_capability)
{
    cr_assert_eq(make(OBJ_CNODE, 7, 20), ERR_OK);
    cr_assert_eq(make(OBJ_ENDPOINT, 0, 21), ERR_OK);
    cr_assert_eq(INVOKE(20, OP_CNODE_COPY, 0, 0, 21, RIGHTS_ALL), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(20, OP_CNODE_COPY, 2, 0, 21, RIGHTS_ALL), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, 22, 0, 0, RIGHTS_ALL), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(20, OP_CNODE_REVOKE, 0), ERR_BAD_ARG);
}

Test(kernel_cap, operations_need_the_capability_the_type_and_the_right)
{
    uint64_t before;

    cr_assert_eq(make(OBJ_CNODE, 10, 20), ERR_OK);
    cr_assert_eq(copy(21, 20, RIGHT_INSPECT), ERR_OK);
    before = world_hash(w.thread[0]);
    cr_expect_eq(INVOKE(0, OP_CNODE_SIZE), ERR_NO_CAP);
    cr_expect_eq(INVOKE(500, OP_CNODE_SIZE), ERR_NO_CAP);
    cr_expect_eq(INVOKE(W_SLOTS, OP_CNODE_SIZE), ERR_NO_CAP);
    cr_expect_eq(INVOKE(~0ull, OP_CNODE_SIZE), ERR_NO_CAP);
    cr_expect_eq(INVOKE(20, OP_THREAD_RESUME), ERR_BAD_OP);
    cr_expect_eq(INVOKE(20, 0xffffffff), ERR_BAD_OP);
    cr_expect_eq(INVOKE(21, OP_CNODE_DELETE, 1), ERR_NO_RIGHT);
    cr_expect_eq(world_hash(w.thread[0]), before);
    cr_expect_eq(INVOKE(21, OP_CNODE_SIZE), ERR_OK);
    cr_expect_eq(word_of(w.thread[0], 0), 16);
}

Test(kernel_cap, errors_name_the_argument)
{
    INVOKE(W_UNTYPED, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, W_CNODE, 1, 0);
    cr_assert_eq(label_of(w.thread[0]), ERR_SLOT_FULL);
    cr_assert_eq(tag_length(tag_of(w.thread[0])), 2);
    cr_assert_eq(word_of(w.thread[0], 0), 4);
    cr_assert_eq(word_of(w.thread[0], 1), W_CNODE);
}

/* One revocation of 40 copies: each call deletes no more than it may. */
Test(kernel_cap, a_long_operation_pauses_though_no_interrupt_waits)
{
    unsigned calls = 0, left;

    make(OBJ_ENDPOINT, 0, 20);
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, 30 + i, 0, 20, RIGHTS_ALL), ERR_OK);
    steps_between_pauses = 5;
    do {
        uint64_t pc = w.thread[0]->reg[REG_PC];

        syscall_words(w.thread[0], SYS_CALL, W_CNODE, tag_make(OP_CNODE_REVOKE, 1, 0), (uint64_t[]){20}, 1);
        calls++;
        left = 0;
        for (unsigned i = 0; i < 40; i++)
            left += !slot_is_empty(&w.slots[30 + i]);
        cr_assert_eq(left, calls < 8 ? 40 - 5 * calls : 0);
        cr_assert_eq(w.thread[0]->reg[REG_PC], left ? pc : pc + 4);
    } while (left);
    check_world(true);
}

/* The published test vector of the cipher, and that the number depends on the key. */
Test(kernel_cap, numbers_of_objects_are_enciphered)
{
    const uint32_t key[4] = {0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f};
    struct slot slot = {.type = 0x4142434445464748 & 31, .number = 0x4142434445464748 >> 5};
    uint64_t id;

    memcpy(object_id_key, key, sizeof(key));
    id = object_id(&slot);
    cr_assert_eq(id, 0x497df3d072612cb5, "%lx", id);
    object_id_key[3] ^= 1;
    cr_assert_neq(object_id(&slot), id);
}

Test(kernel_cap, registers_that_carry_no_result_come_back_zero)
{
    struct thread *t = w.thread[0];

    run(t);
    for (unsigned i = 1; i < 32; i++)
        t->reg[i] = 0xdead0000 + i;
    t->reg[REG_A7] = SYS_CALL;
    t->reg[REG_A0] = W_CNODE;
    t->reg[REG_A0 + 1] = tag_make(OP_CNODE_SIZE, 0, 0);
    kernel_syscall(t);
    cr_assert_eq(t->reg[12], W_SLOTS);
    for (unsigned i = 1; i < 32; i++) {
        bool kept = (i >= 2 && i <= 9) || (i >= 12 && i <= 16) || (i >= 18 && i <= 27);

        if (i != REG_A0 + 1 && i != 12)
            cr_expect_eq(t->reg[i], kept ? 0xdead0000 + i : 0, "x%u is %lx", i, t->reg[i]);
    }
}

/* Random copies, mints, moves, deletes, revokes and retypes, now and then interrupted at every step; the tree
 * is checked after each. A failing call must leave everything as it was. */
Test(kernel_cap, random_operations_keep_the_tree_well_formed)
{
    srand(20260101);
    for (unsigned n = 0; n < 6000; n++) {
        unsigned a = W_FREE + rand() % 40, b = W_FREE + rand() % 40;
        uint64_t before = 0;
        bool hash = n % 16 == 0;
        enum error error;

        host.pending_after = rand() % 4 == 0 ? 1 + rand() % 3 : 0;
        if (hash)
            before = world_hash(w.thread[0]);
        switch (rand() % 8) {
        case 0:
            error = make((enum object_type[]){OBJ_ENDPOINT, OBJ_FRAME, OBJ_NOTIFICATION, OBJ_TIMER,
                                              OBJ_REPLY}[rand() % 5],
                         12, a);
            break;
        case 1:
        case 2:
            error = copy(a, b, rand());
            break;
        case 3:
            error = INVOKE(W_CNODE, OP_CNODE_MINT, a, 0, b, rand(), rand() % 5);
            break;
        case 4:
            error = INVOKE(W_CNODE, OP_CNODE_MOVE, a, 0, b);
            break;
        case 5:
            error = delete(a);
            break;
        case 6:
            error = rand() % 4 ? ERR_OK : revoke(a);
            break;
        default:
            if (w.slots[a].type == OBJ_ENDPOINT)
                continue; /* that would be a message */
            error = INVOKE(a, OP_UNTYPED_RETYPE, OBJ_ENDPOINT, 0, 0, b, 1, 0);
            if (rand() % 8 == 0 && error)
                error = make(OBJ_UNTYPED, 12, a);
            else if (hash && error)
                cr_assert_eq(world_hash(w.thread[0]), before);
            continue;
        }
        if (error && hash)
            cr_assert_eq(world_hash(w.thread[0]), before, "a call that failed with %u changed something",
                         error);
        check_world(n % 64 == 0);
    }
    cr_assert_eq(revoke(W_UNTYPED), ERR_OK);
    check_world(true);
    cr_assert_null(w.slots[W_UNTYPED].child);
}
