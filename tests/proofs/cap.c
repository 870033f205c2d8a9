/* SPDX-License-Identifier: MIT */
/*
 * The derivation tree, for every tree of up to 4 slots: operations keep it well formed and amplify no right, and an
 * object ends with its last capability, not before and not after.
 */
#include "proof.h"

#include "kernel/cap.c"

#include "tree.h"

char *const arch_granule_base = things[0];
static bool destroyed, unmapped;

bool arch_interrupt_pending(void)
{
    return nondet_bool();
}

/* One step of destroying an object, which takes one or two. */
static bool destroy(void)
{
    bool done = destroyed || nondet_bool();

    destroyed = true;
    return done;
}

bool thread_destroy(struct thread *thread)
{
    (void)thread;
    return destroy();
}
bool endpoint_destroy(struct endpoint *endpoint)
{
    (void)endpoint;
    return destroy();
}
bool notification_destroy(struct notification *notification)
{
    (void)notification;
    return destroy();
}
void reply_destroy(struct reply *reply)
{
    (void)reply;
    destroy();
}
void timer_stop(struct timer *timer)
{
    (void)timer;
    destroy();
}
void context_destroy(struct sched_context *context)
{
    (void)context;
    destroy();
}
void irq_release(uint64_t line)
{
    (void)line;
    destroy();
}
void thread_slot_lost(struct slot *slot)
{
    (void)slot;
}
void arch_space_leave(const struct address_space *space)
{
    (void)space;
}
bool space_unmap_step(struct address_space *space)
{
    (void)space;
    return nondet_bool();
}
void mapping_moved(struct slot *from, struct slot *to)
{
    (void)from;
    (void)to;
}

void slot_unmap(struct slot *slot)
{
    unmapped = true;
    slot->space = NULL;
}

/* Types whose end is put off are proved separately: here objects end at once. */
static void nothing_put_off(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        ASSUME(slot_at[i]->type != OBJ_CNODE && slot_at[i]->type != OBJ_ADDRESS_SPACE);
}

/*
 * proof tree_generator: any tree of up to 4 slots (what the generator of the other proofs makes is well formed)
 * options: --unwind 7
 * planted kernel/cap.h: s/return slot->type == OBJ_NULL;/return slot->type == OBJ_NULL || slot->type == OBJ_FRAME;/
 */
void prove_tree_generator(void)
{
    any_slots();
    check_tree();
}

/*
 * proof slot_is_last: any tree of up to 4 slots, any of them
 * options: --unwind 7
 * planted kernel/cap.c: s/ && !parted_from_same(slot);/;/
 * planted kernel/cap.c: s/!same_object(slot, slot->prev) &&$/true \&\&/
 */
void prove_slot_is_last(void)
{
    const struct slot *slot = any_slot();

    any_slots();
    ASSUME(!slot_is_empty(slot));
    CHECK(slot_is_last(slot) == is_only_one(slot), "tree: it tells which capability is the last one");
}

/*
 * proof slot_copy: any tree of up to 4 slots, any slot that may be copied, any empty one, any rights
 * options: --unwind 7
 * planted kernel/cap.c: s/to->rights = from->rights & rights;/to->rights = from->rights | rights;/
 * planted kernel/cap.c: s/^    parent->child = to;//
 */
void prove_slot_copy(void)
{
    struct slot *from = any_slot(), *to = any_slot(), before;
    uint8_t rights = nondet_u8();

    any_slots();
    ASSUME(slot_can_copy(from) && slot_is_empty(to));
    before = *from;
    slot_copy(from, to, rights);
    check_tree();
    CHECK(to_same(from, to) && to->rights == (before.rights & rights), "rights: a copy has the common ones");
    CHECK(from->object == before.object && from->rights == before.rights,
          "tree: the original stays as it was");
    CHECK(to->type != OBJ_FRAME || !to->space, "mapping: the copy of a mapped frame is not mapped");
}

/*
 * proof slot_make_child: any tree of up to 4 slots, any untyped that is not being taken apart, any empty slot
 * options: --unwind 7
 * planted kernel/cap.c: s/^        next->prev = to;/        next->next = to;/
 * planted kernel/cap.c: s/^    to->parent = parent;//
 */
void prove_slot_make_child(void)
{
    struct slot *untyped = any_slot(), *to = any_slot();
    unsigned type = any_below(OBJ_IRQ_HANDLER) + 1;

    any_slots();
    ASSUME(untyped->type == OBJ_UNTYPED && !(untyped->flags & SLOT_RAISED) && slot_is_empty(to));
    ASSUME(!has_no_object(type));
    for (unsigned i = 0; i < SLOTS; i++)
        ASSUME(slot_is_empty(slot_at[i]) || slot_at[i]->object != things[0]);
    slot_make_child(untyped, to, type, things[0], nondet_u8());
    check_tree();
    CHECK(to->parent == untyped && to->rights == RIGHTS_ALL, "tree: the object is a child of its memory");
}

/*
 * proof slot_move: any tree of up to 4 slots, any capability, any empty slot
 * options: --unwind 7
 * planted kernel/cap.c: s/        child->parent = to;/        child->parent = from;/
 * planted kernel/cap.c: s/^    slot_clear(from);//
 */
void prove_slot_move(void)
{
    struct slot *from = any_slot(), *to = any_slot(), before;

    any_slots();
    ASSUME(!slot_is_empty(from) && slot_is_empty(to) && slot_can_move(from));
    before = *from;
    slot_move(from, to);
    check_tree();
    CHECK(to->object == before.object && to->type == before.type && to->rights == before.rights,
          "rights: what is moved keeps them");
    CHECK(slot_is_empty(from), "tree: what was moved is gone from where it was");
}

/*
 * proof slot_delete: any tree of up to 4 slots, any slot; interrupted anywhere. No other untyped in the tree may be half
 *   deleted: what is known to go wrong then is in docs/PROOFS.md.
 * options: --unwind 7
 * planted kernel/cap.c: s/^    if (slot_is_last(slot))/    if (!slot->child)/
 * planted kernel/cap.c: s/^    child->parent = slot->parent;//
 * planted kernel/cap.c: s/^        slot_unmap(slot);/        ;/
 */
void prove_slot_delete(void)
{
    struct slot *slot = any_slot();
    bool last, frame;

    any_slots();
    nothing_put_off();
    ASSUME(!slot_is_empty(slot));
    for (unsigned i = 0; i < SLOTS; i++)
        ASSUME(slot_at[i] == slot || !(slot_at[i]->flags & SLOT_RAISED));
    last = is_only_one(slot);
    frame = slot->type == OBJ_FRAME;
    if (slot_delete(slot)) {
        CHECK(slot_is_empty(slot), "tree: the slot is empty");
        CHECK(!frame || unmapped, "mapping: a frame is mapped nowhere when its capability is gone");
    }
    CHECK(last || !destroyed, "objects: one ends only with its last capability");
    check_tree();
}

/*
 * proof slot_can_move: any tree of up to 4 slots, any slot
 * options: --unwind 7
 * planted kernel/cap.c: s/if (++children > SLOT_MOVE_MAX_CHILDREN)/if (++children > 2)/
 */
void prove_slot_can_move(void)
{
    struct slot *slot = any_slot();

    any_slots();
    CHECK(slot_can_move(slot), "tree: a capability with few children can be moved");
}
