/* SPDX-License-Identifier: MIT */
/*
 * What holds of the whole kernel state between two events. A census follows the derivation tree from the
 * vault and finds every capability and object; then each is checked, and every pointer from one to another
 * must lead to an object that lives. The checks of single slots, threads and contexts are those of
 * tests/host/kernel_calls.h.
 */
#pragma once

#include "world.h"

#define CENSUS_MAX 8192

/* An object that lives, once, however many capabilities there are to it. */
struct found {
    uint8_t type, size_bits;
    void *object;
};

static struct {
    struct slot *slot[CENSUS_MAX]; /* all capabilities */
    unsigned slots;
    struct found object[CENSUS_MAX];
    unsigned objects;
    uint32_t round;
    /* The round each place of the arena was last seen in, and as what; slots within threads begin
     * anywhere. */
    struct {
        uint32_t home, full; /* place of a slot in a living container; a capability */
    } place[FUZZ_ARENA / 16];
    struct {
        uint32_t round;
        uint8_t type;
    } start[FUZZ_ARENA >> SLOT_BITS];
} census;

static unsigned index_of(const void *at, unsigned unit)
{
    uint64_t offset = (uint64_t)((const char *)at - host_arena);

    cr_assert(offset < FUZZ_ARENA && offset % unit == 0, "%p is nothing's start", at);
    return offset / unit;
}

static bool is_capability(const struct slot *slot)
{
    return census.place[index_of(slot, 16)].full == census.round;
}

/* Whether an object of that type lives there. */
static bool lives(const void *object, enum object_type type)
{
    unsigned i = index_of(object, 1 << SLOT_BITS);

    return census.start[i].round == census.round && census.start[i].type == type;
}

static bool has_memory(const struct slot *slot)
{
    return slot->object && slot->type != OBJ_UNTYPED && !(slot->flags & SLOT_DEVICE);
}

static void count_object(const struct slot *slot)
{
    unsigned i = index_of(slot->object, 1 << SLOT_BITS);

    if (census.start[i].round == census.round) {
        cr_assert_eq(census.start[i].type, slot->type, "%p is of two types", slot->object);
        return;
    }
    census.start[i].round = census.round;
    census.start[i].type = slot->type;
    census.object[census.objects++] = (struct found){slot->type, slot->size_bits, slot->object};
}

static void count_slot(struct slot *slot)
{
    if (slot_is_empty(slot) || is_capability(slot))
        return;
    cr_assert(census.slots < CENSUS_MAX, "the tree has no end");
    census.place[index_of(slot, 16)].full = census.round;
    census.slot[census.slots++] = slot;
    if (has_memory(slot))
        count_object(slot);
}

/* All slots of a container; slot 0 of a CNode is none. */
static void count_container(struct slot *slots, uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < count; i++) {
        census.place[index_of(&slots[i], 16)].home = census.round;
        count_slot(&slots[i]);
    }
}

static void count_links(const struct slot *slot)
{
    if (slot->child)
        count_slot(slot->child);
    if (slot->next)
        count_slot(slot->next);
    if (slot->prev)
        count_slot(slot->prev);
    if (slot->parent)
        count_slot(slot->parent);
}

static void census_take(void)
{
    unsigned slots = 0, objects = 0;

    census.round++;
    census.slots = census.objects = 0;
    count_container(vault, 0, VAULT_SLOTS);
    for (struct cnode_header *dying = dying_cnodes; dying; dying = dying->dying_next)
        count_container((struct slot *)dying, 1, dying->cursor);
    while (slots < census.slots || objects < census.objects) {
        while (slots < census.slots)
            count_links(census.slot[slots++]);
        while (objects < census.objects) {
            const struct found *found = &census.object[objects++];

            if (found->type == OBJ_CNODE)
                count_container(found->object, 1, 1ull << (found->size_bits - SLOT_BITS));
            else if (found->type == OBJ_THREAD)
                count_container(((struct thread *)found->object)->slot, 0, THREAD_SLOTS);
        }
    }
}

/* --- The tree --- */

static int by_address(const void *a, const void *b)
{
    const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;

    return x->object < y->object ? -1 : x->object > y->object;
}

/* What was made from an untyped lies within what it says is used, and nothing overlaps. */
static void check_children(const struct slot *untyped)
{
    static struct slot *child[CENSUS_MAX];
    const char *start = untyped->object, *end = start;
    unsigned count = 0;

    /* One that is being deleted has its children beside it already. */
    for (struct slot *at = untyped->child; at; at = at->next)
        if (!(at->flags & SLOT_RAISED))
            child[count++] = at;
    qsort(child, count, sizeof(child[0]), by_address);
    for (unsigned i = 0; i < count; i++) {
        const char *object = child[i]->object;

        if (i > 0 && child[i - 1]->object == child[i]->object && child[i - 1]->type == child[i]->type) {
            cr_assert_eq(child[i - 1]->size_bits, child[i]->size_bits);
            continue;
        }
        cr_assert(object >= end, "two objects overlap");
        end = object + (1ull << child[i]->size_bits);
    }
    cr_assert(end <= start + untyped->used, "an object lies in memory that counts as unused");
    cr_assert(untyped->used <= 1ull << untyped->size_bits);
}

static bool is_dying(const struct address_space *space)
{
    const struct address_space *at = dying_spaces;

    while (at && at != space)
        at = at->note.dying_next;
    return at != NULL;
}

static void check_tree(void)
{
    for (unsigned i = 0; i < census.slots; i++) {
        const struct slot *slot = census.slot[i];

        cr_assert_eq(census.place[index_of(slot, 16)].home, census.round,
                     "a capability in no CNode or thread");
        check_slot(slot);
        if (slot->type == OBJ_UNTYPED)
            check_children(slot);
        if (slot->type == OBJ_FRAME || slot->type == OBJ_PAGE_TABLE)
            cr_assert(!slot->space || lives(slot->space, OBJ_ADDRESS_SPACE) || is_dying(slot->space),
                      "mapped in a space that is gone");
        for (const struct slot *up = slot->parent; up; up = up->parent)
            cr_assert_neq(up, slot, "it is its own ancestor");
        for (unsigned n = 0; n < 2; n++) {
            const struct slot *mate = n ? slot->next : slot->child;

            cr_assert(!mate || is_capability(mate), "linked to an empty slot");
        }
    }
}

/* --- Queues --- */

/* All in the queue live, and each knows the one before it; nobody is before the first, and the last counts
 * only where there are two. */
static void check_queue(const struct thread_queue *queue)
{
    const struct thread *previous = NULL;
    unsigned count = 0;

    for (const struct thread *at = queue->head; at; previous = at, at = at->next) {
        cr_assert(lives(at, OBJ_THREAD), "what waits in a queue is gone");
        cr_assert(!previous || at->prev == previous);
        cr_assert(++count < CENSUS_MAX, "a queue without end");
    }
    cr_assert(count < 2 || queue->tail == previous);
}

static unsigned lines_of(const struct notification *notification)
{
    unsigned count = 0;

    for (unsigned i = 0; i < arch_irq_lines(); i++)
        count += irq_lines[i].notification == notification;
    return count;
}

/* What signals it. */
static void check_sources(const struct notification *notification)
{
    granule previous = 0;
    unsigned count = 0;

    cr_assert(!notification->bound || lives(notification->bound, OBJ_THREAD), "a bound thread that is gone");
    for (granule at = notification->timers; at; at = ((struct timer *)granule_to(at))->next) {
        const struct timer *timer = granule_to(at);

        cr_assert(lives(timer, OBJ_TIMER), "a timer that is gone");
        cr_assert_eq(timer->notification, notification);
        cr_assert_eq(timer->prev, previous);
        cr_assert(timer->node.queued, "a timer that is set is not in the heap");
        cr_assert(++count < CENSUS_MAX);
        previous = at;
    }
    cr_assert_eq(notification->irq_count, lines_of(notification));
}

/* --- Time --- */

static bool is_node(const struct heap_node *node)
{
    return node->kind == HEAP_TIMER ? lives(node, OBJ_TIMER) : lives(node, OBJ_SCHED_CONTEXT);
}

/* A leftist heap: returns how many nodes it has. */
static unsigned check_heap(granule at, granule parent, const struct hart *hart)
{
    const struct heap_node *node = granule_to(at);
    unsigned left, right, rank;

    if (!at)
        return 0;
    cr_assert(is_node(node), "what is in the heap is gone");
    cr_assert(node->queued);
    cr_assert_eq(node->hart, hart->index);
    cr_assert_eq(node->parent, parent);
    cr_assert(!parent || ((struct heap_node *)granule_to(parent))->deadline <= node->deadline,
              "not in order");
    left = node->left ? ((struct heap_node *)granule_to(node->left))->rank : 0;
    right = node->right ? ((struct heap_node *)granule_to(node->right))->rank : 0;
    rank = right + 1;
    cr_assert(left >= right && node->rank == rank, "no leftist heap");
    return 1 + check_heap(node->left, at, hart) + check_heap(node->right, at, hart);
}

/* What a hart points to lives. */
static void check_living_hart(const struct hart *hart)
{
    const struct address_space *space = host.space[hart->index];

    for (unsigned p = 0; p < PRIORITIES; p++)
        if (hart->ready[p].head)
            check_queue(&hart->ready[p]);
    cr_assert(!hart->front || lives(hart->front, OBJ_THREAD), "a thread in front that is gone");
    cr_assert(!hart->current || lives(hart->current, OBJ_THREAD), "a hart runs a thread that is gone");
    cr_assert(!hart->context || lives(hart->context, OBJ_SCHED_CONTEXT), "a context is charged that is gone");
    cr_assert(!space || lives(space, OBJ_ADDRESS_SPACE) || is_dying(space),
              "a hart uses tables that are gone");
    cr_assert(!hart->current || !hart->current->queued);
    check_hart(hart);
}

/* --- Address spaces --- */

/* The capability by which the object at `physical` is mapped there. */
static const struct slot *mapping_of(const struct address_space *space, uint64_t physical, uint64_t page,
                                     uint8_t type)
{
    for (granule at = space->note.maps >> 1; at; at = ((struct slot *)granule_to(at))->map_next) {
        const struct slot *slot = granule_to(at);

        if (slot->type == type && arch_physical(slot->object) == physical &&
            (type == OBJ_PAGE_TABLE || slot->page == page))
            return slot;
    }
    return NULL;
}

/* Every entry leads to something that a living capability has mapped there, with no more rights than it
 * has. */
static void check_table(const struct address_space *space, const uint64_t *table, unsigned level,
                        uint64_t page)
{
    for (unsigned i = 0; i < (level == 2 ? ROOT_USER_ENTRIES : 512); i++) {
        uint64_t entry = table[i], at = page | (uint64_t)i << 9 * level;
        const struct slot *slot;

        if (!entry)
            continue;
        cr_assert(entry & PTE_V);
        slot = mapping_of(space, pte_physical(entry), at, pte_is_leaf(entry) ? OBJ_FRAME : OBJ_PAGE_TABLE);
        cr_assert(slot, "page %lx is mapped by nobody", at);
        if (!pte_is_leaf(entry)) {
            check_table(space, arch_direct(pte_physical(entry)), level - 1, at);
            continue;
        }
        cr_assert_eq(slot->size_bits, PAGE_BITS + 9 * level);
        cr_assert_neq(entry & (PTE_W | PTE_X), PTE_W | PTE_X, "writable and executable");
        cr_assert(entry & PTE_U);
        cr_assert(!(entry & PTE_R) || slot->rights & RIGHT_READ);
        cr_assert(!(entry & PTE_W) || slot->rights & RIGHT_WRITE);
        cr_assert(!(entry & PTE_X) || slot->rights & RIGHT_EXEC);
    }
}

static void check_space(const struct address_space *space)
{
    uint64_t mapped = 0;
    granule previous = 0;
    unsigned count = 0;

    for (granule at = space->note.maps >> 1; at; at = ((struct slot *)granule_to(at))->map_next) {
        const struct slot *slot = granule_to(at);

        cr_assert(is_capability(slot), "a mapping of no capability");
        cr_assert(slot->type == OBJ_FRAME || slot->type == OBJ_PAGE_TABLE);
        cr_assert_eq(slot->space, space);
        cr_assert_eq(slot->map_prev, previous);
        cr_assert(++count < CENSUS_MAX);
        mapped += slot->type == OBJ_FRAME ? 1ull << slot->size_bits : 0;
        previous = at;
    }
    cr_assert_eq(space->note.mapped >> 1, mapped, "%lx bytes are mapped, the space counts %lx", mapped,
                 space->note.mapped >> 1);
    check_table(space, space->entry, 2, 0);
}

/* --- All of it --- */

static void check_links_of(const struct thread *thread)
{
    cr_assert(!thread->caller || lives(thread->caller, OBJ_THREAD), "its caller is gone");
    cr_assert(!thread->context || lives(thread->context, OBJ_SCHED_CONTEXT), "its context is gone");
    cr_assert(!thread->bound || lives(thread->bound, OBJ_NOTIFICATION), "its notification is gone");
    for (unsigned i = 0; i < THREAD_SLOTS; i++)
        cr_assert(thread->slot[i].flags & SLOT_IN_THREAD || slot_is_empty(&thread->slot[i]));
    if (thread->state == THREAD_BLOCKED_SEND || thread->state == THREAD_BLOCKED_RECV)
        cr_assert(lives(thread->blocked_on, OBJ_ENDPOINT));
    if (thread->state == THREAD_BLOCKED_WAIT)
        cr_assert(lives(thread->blocked_on, OBJ_NOTIFICATION));
    if (thread->state == THREAD_BLOCKED_REPLY)
        cr_assert(lives(thread->blocked_on, thread->blocked_on_reply ? OBJ_REPLY : OBJ_THREAD));
}

static void check_living_context(const struct sched_context *context)
{
    cr_assert(!context->thread || lives(context->thread, OBJ_THREAD), "a context runs a thread that is gone");
    cr_assert(!context->owner || lives(context->owner, OBJ_THREAD), "a context's owner is gone");
    for (const struct thread *at = context->parked; at; at = at->next)
        cr_assert(lives(at, OBJ_THREAD), "one of its chain of calls is gone");
    check_context(context);
}

static void check_object(const struct found *found)
{
    const struct reply *reply = found->object;

    switch (found->type) {
    case OBJ_THREAD:
        check_links_of(found->object);
        check_thread(found->object);
        break;
    case OBJ_SCHED_CONTEXT: check_living_context(found->object); break;
    case OBJ_ENDPOINT:
        check_queue(&((const struct endpoint *)found->object)->receivers);
        check_queue(&((const struct endpoint *)found->object)->senders);
        check_endpoint(found->object);
        break;
    case OBJ_NOTIFICATION:
        check_queue(&((const struct notification *)found->object)->queue);
        check_sources(found->object);
        check_notification(found->object);
        break;
    case OBJ_REPLY:
        cr_assert(!reply->caller || (lives(reply->caller, OBJ_THREAD) && reply->caller->blocked_on == reply));
        break;
    case OBJ_ADDRESS_SPACE: check_space(found->object); break;
    default: break;
    }
}

static unsigned nodes_queued(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < census.objects; i++)
        if (census.object[i].type == OBJ_TIMER || census.object[i].type == OBJ_SCHED_CONTEXT)
            count += ((const struct heap_node *)census.object[i].object)->queued;
    return count;
}

/* Stands for the world's threads that are gone. */
static struct thread nobody;

/* As of the last census: only who has all locks ends an object, or makes one that has a home. */
static void keep_everything(void)
{
    for (unsigned i = 0; i < census.objects; i++)
        keep_object(census.object[i].type, census.object[i].object);
    for (unsigned i = 0; i < census.slots; i++)
        keep_slot(census.slot[i]);
}

static void check_everything(void)
{
    unsigned in_heaps = 0;

    census_take();
    for (unsigned i = 0; i < FUZZ_THREADS; i++)
        if (w.thread[i] != &nobody && !lives(w.thread[i], OBJ_THREAD))
            w.thread[i] = &nobody;
    check_tree();
    for (unsigned i = 0; i < census.objects; i++)
        check_object(&census.object[i]);
    for (unsigned h = 0; h < hart_count; h++) {
        check_living_hart(&harts[h]);
        in_heaps += check_heap(harts[h].heap, 0, &harts[h]) + check_heap(harts[h].throttled, 0, &harts[h]);
    }
    cr_assert_eq(in_heaps, nodes_queued(), "%u in heaps, %u queued", in_heaps, nodes_queued());
    for (unsigned i = 0; i < arch_irq_lines(); i++)
        cr_assert(!irq_lines[i].notification || lives(irq_lines[i].notification, OBJ_NOTIFICATION), "%u", i);
}
