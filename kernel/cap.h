/* SPDX-License-Identifier: MIT */
/*
 * Capability slots and the derivation tree.
 *
 * Every copy is a child of the slot it came from; every object made from an untyped is a child of the
 * untyped's slot. When a slot is deleted, its children take its place among its siblings. So all capabilities
 * to one object are connected: a slot holds the last capability to its object exactly if its parent, both its
 * neighbours and its first child are to other objects. That makes "is this the last one?" a matter of four
 * comparisons, with no counts kept.
 */
#pragma once

#include "arch.h"

static inline granule granule_of(const void *object)
{
    return object ? (granule)(((const char *)object - arch_granule_base) >> SLOT_BITS) + 1 : 0;
}

/* What a reference that is not 0 names. */
static inline void *granule_at(granule ref)
{
    return arch_granule_base + ((uint64_t)ref << SLOT_BITS) - (1 << SLOT_BITS);
}

static inline void *granule_to(granule ref)
{
    return ref ? granule_at(ref) : NULL;
}

static inline bool slot_is_empty(const struct slot *slot)
{
    return slot->type == OBJ_NULL;
}

/* The type of what is in a slot that another hart may be filling: what it reads of the slot after that is
 * there. */
static inline enum object_type slot_type(const struct slot *slot)
{
    return __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE);
}

static inline uint64_t cnode_slots(const struct slot *cnode)
{
    return 1ull << (cnode->size_bits - SLOT_BITS);
}

/* The slot that `index` names in the CNode that `cnode` is a capability to, NULL when it is out of range. The
 * slot may be empty; index 0 gives an always-empty slot. */
static inline struct slot *cnode_slot(const struct slot *cnode, uint64_t index)
{
    return index >> (cnode->size_bits - SLOT_BITS) ? NULL : (struct slot *)cnode->object + index;
}

/* Likewise in `thread`'s CSpace; NULL also when it has none. */
static inline struct slot *cspace_slot(const struct thread *thread, uint64_t index)
{
    const struct slot *cspace = &thread->slot[THREAD_CSPACE];

    return cspace->object ? cnode_slot(cspace, index) : NULL;
}

/* Fills the empty slot `to` with a capability that nothing was derived from: boot only. */
void slot_make_root(struct slot *to, enum object_type type, void *object, uint8_t size_bits, uint8_t rights);
/* Fills the empty slot `to` as a child of `parent`: a capability to a new object with all rights. */
void slot_make_child(struct slot *parent, struct slot *to, enum object_type type, void *object,
                     uint8_t size_bits);
/* Fills the empty slot `to` with a copy of `from`, which becomes its parent. Rights are the common ones; the
 * copy of a mapped frame is not mapped. */
void slot_copy(struct slot *from, struct slot *to, uint8_t rights);
/* Whether copies may be made: not of untyped memory, whose use is counted in its one slot, and not of page
 * tables, which must not be in two places at once: what a table maps depends on the level it is at. */
bool slot_can_copy(const struct slot *slot);
/* Moves a capability to the empty slot `to`, keeping its place in the tree and its mapping. Its children are
 * told, so slot_can_move must have said that they are not too many. */
#define SLOT_MOVE_MAX_CHILDREN 256
bool slot_can_move(const struct slot *slot);
void slot_move(struct slot *from, struct slot *to);
/* Whether two capabilities are to the same object. */
bool slot_same_object(const struct slot *a, const struct slot *b);
/* Whether there is no other capability to the same object. The answer is wrong while slot_delete() has moved
 * only some of an untyped's children up to its parent. */
bool slot_is_last(const struct slot *slot);

/*
 * Whether an operation that a user can make long should stop here, between two of its steps, to be called
 * again: an interrupt waits, or it has kept the other harts out for long enough. Stays so until pause_over().
 */
bool pause_is_due(void);
void pause_over(void);
extern unsigned steps_between_pauses;

/* Empties the slot; destroys the object first when this was the last capability to it. Everything here that a
 * user can make long goes in bounded steps: false means that it stopped between two because pause_is_due(),
 * and wants to be called again. CNodes and address spaces are only put aside to die: see reap(). */
bool slot_delete(struct slot *slot);
/* Deletes everything derived from `slot`, but not itself. */
bool slot_revoke(struct slot *slot);
/* Works off the CNodes and address spaces that were put aside. Their memory must not be used before it
 * returned true. */
bool reap(void);
/* Whether there are any. */
bool reap_is_due(void);

/* Number that stands for an object in what OBJECT_ID tells; unique, and says nothing of where the object lies
 * to who does not know the key. */
uint64_t object_id(const struct slot *slot);
extern uint32_t object_id_key[4]; /* set at boot, from what the machine has that cannot be guessed */
