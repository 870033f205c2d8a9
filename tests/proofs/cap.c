/* SPDX-License-Identifier: MIT */
/*
 * The derivation tree, for every tree of up to 4 slots: operations keep it well formed and amplify no right,
 * and an object ends with its last capability, not before and not after.
 */
#include "proof.h"

#include "kernel/cap.c"

#include "locks.h"
#include "tree.h"

char *const arch_granule_base = things[0];
static bool destroyed, unmapped;

/* Every step is the last of its call: what is left to do is another call from any tree. */
bool arch_interrupt_pending(void)
{
    return true;
}

/* One step of destroying an object, which takes one or two. */
static bool destroy(enum object_type type, const void *object, uint64_t number)
{
    bool done = destroyed || nondet_bool();
    unsigned capabilities = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        capabilities += slot_at[i]->type == type && slot_at[i]->object == object &&
                        (object || slot_at[i]->number == number);
    CHECK(capabilities == 1, "objects: one ends only with its last capability");
    destroyed = true;
    return done;
}

bool thread_destroy(struct thread *thread)
{
    return destroy(OBJ_THREAD, thread, 0);
}
bool endpoint_destroy(struct endpoint *endpoint)
{
    return destroy(OBJ_ENDPOINT, endpoint, 0);
}
bool notification_destroy(struct notification *notification)
{
    return destroy(OBJ_NOTIFICATION, notification, 0);
}
void reply_destroy(struct reply *reply)
{
    destroy(OBJ_REPLY, reply, 0);
}
void timer_stop(struct timer *timer)
{
    destroy(OBJ_TIMER, timer, 0);
}
void context_destroy(struct sched_context *context)
{
    destroy(OBJ_SCHED_CONTEXT, context, 0);
}
void irq_release(uint64_t line)
{
    destroy(OBJ_IRQ_HANDLER, NULL, line);
}
void thread_slot_lost(struct slot *slot)
{
    (void)slot;
}
void arch_space_leave(const struct address_space *space)
{
    (void)space;
}
void space_unmap_all(struct address_space *space)
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
 * proof tree_generator: any tree of up to 4 slots (what the generator of the other proofs makes is well
 * formed)
 * options: --unwind 5
 * planted kernel/cap.h: s/return slot->type == OBJ_NULL;/return slot->type == OBJ_NULL || slot->type == OBJ_FRAME;/
 */
void prove_tree_generator(void)
{
    any_slots();
    check_tree();
}

/*
 * proof slot_is_last: any tree of up to 4 slots in which no memory is half raised, any of them
 * options: --unwind 5
 * planted kernel/cap.c: s/return !is_to_same(slot, slot->parent) \&\&/return/
 * planted kernel/cap.c: s/!is_to_same(slot, slot->prev) &&$/true \&\&/
 */
void prove_slot_is_last(void)
{
    const struct slot *slot = any_slot();

    any_slots();
    ASSUME(!slot_is_empty(slot) && !raising);
    CHECK(slot_is_last(slot) == is_only_one(slot), "tree: it tells which capability is the last one");
}

/*
 * proof slot_copy: any tree of up to 4 slots, any slot that may be copied, any empty one, any rights
 * options: --unwind 5
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
 * options: --unwind 5
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
 * options: --unwind 5
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
 * proof slot_delete: any tree of up to 4 slots, any slot, also when memory is half raised already; one step
 * options: --unwind 5 --unwindset slot_delete.0:2,slot_delete.1:2,raise_rest.0:2
 * planted kernel/cap.c: s/^    if (slot_is_last(slot))/    if (!slot->child)/
 * planted kernel/cap.c: s/^    child->parent = slot->parent;//
 * planted kernel/cap.c: s/^        slot_unmap(slot);/        ;/
 * planted kernel/cap.c: s/raising = child->next ? slot : NULL;/raising = NULL;/
 * planted kernel/cap.c: s/if (slot->flags & SLOT_CLEARING || /if (/
 */
void prove_slot_delete(void)
{
    struct slot *slot = any_slot();
    bool last, frame, ends, clearing;

    any_slots();
    nothing_put_off();
    ASSUME(!slot_is_empty(slot));
    last = is_only_one(slot);
    frame = slot->type == OBJ_FRAME;
    ends = slot->type != OBJ_UNTYPED && slot->type != OBJ_PAGE_TABLE && !frame;
    clearing = slot->flags & SLOT_CLEARING;
    if (slot_delete(slot)) {
        CHECK(!clearing, "objects: memory that is being cleared stays");
        CHECK(slot_is_empty(slot), "tree: the slot is empty");
        CHECK(!frame || unmapped, "mapping: a frame is mapped nowhere when its capability is gone");
        CHECK(destroyed == (last && ends), "objects: one ends with its last capability");
    }
    check_tree();
}

static bool is_below(const struct slot *slot, const struct slot *top)
{
    const struct slot *up = slot->parent;

    for (unsigned i = 0; i < SLOTS && up && up != top; i++)
        up = up->parent;
    return up == top;
}

/* The sum of how deep all slots are: falls with every step. */
static unsigned depth_of_all(void)
{
    unsigned depth = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        const struct slot *up = slot_at[i];

        for (unsigned turn = 0; turn < SLOTS && up->parent; turn++, up = up->parent)
            depth++;
    }
    return depth;
}

/*
 * proof slot_revoke: any tree of up to 4 slots, any slot, also when memory is half raised already; one step
 * options: --unwind 5 --unwindset slot_delete.0:2,slot_delete.1:2,raise_rest.0:2,slot_revoke.0:2
 * planted kernel/cap.c: s/^            tree_raise_child(slot->child);/            tree_raise_child(slot);/
 * planted kernel/cap.c: s/^        else if (!slot_delete(slot->child))/        else if (!slot_delete(slot))/
 */
void prove_slot_revoke(void)
{
    struct slot *slot = any_slot(), *other = any_slot(), before;
    bool below, deleting, waits;
    unsigned depth;

    any_slots();
    nothing_put_off();
    ASSUME(!slot_is_empty(slot));
    below = is_below(other, slot);
    deleting = raising == slot;
    before = *other;
    depth = depth_of_all();
    waits = slot->child && !slot->child->child && slot->child->flags & SLOT_CLEARING;
    if (slot_revoke(slot))
        CHECK(!slot->child, "tree: nothing is below what was revoked");
    else
        CHECK(destroyed || waits || depth_of_all() < depth,
              "tree: each step brings a revocation nearer to its end");
    CHECK(below || (other->type == before.type && other->object == before.object &&
                    other->rights == before.rights),
          "tree: a revocation takes nothing but what is below");
    CHECK(!below || deleting || slot_is_empty(other) || is_below(other, slot),
          "tree: what is below goes, or stays below");
    check_tree();
}

/*
 * proof slot_can_move: any tree of up to 4 slots, any slot
 * options: --unwind 5
 * planted kernel/cap.c: s/if (++children > SLOT_MOVE_MAX_CHILDREN)/if (++children > 2)/
 */
void prove_slot_can_move(void)
{
    struct slot *slot = any_slot();

    any_slots();
    CHECK(slot_can_move(slot), "tree: a capability with few children can be moved");
}

/*
 * proof granule: any of 4 objects, or none
 * options: --unwind 2
 * planted kernel/cap.h: s/>> SLOT_BITS) + 1 : 0;/>> SLOT_BITS) : 0;/
 * planted kernel/cap.h: s/<< SLOT_BITS) - (1 << SLOT_BITS);/<< SLOT_BITS);/
 */
void prove_granule(void)
{
    char *object = nondet_bool() ? NULL : things[any_below(SLOTS)];

    CHECK((granule_of(object) == 0) == !object, "lookup: a reference of 0 names nothing");
    CHECK(granule_to(granule_of(object)) == object, "lookup: a reference leads back to what it is made of");
}
