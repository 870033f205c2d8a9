/* SPDX-License-Identifier: MIT */
/* The time queue of a hart stays a leftist heap of exactly the nodes that were put in. */
#include "proof.h"

#include "kernel/heap.c"

#define NODES 4

/* A granule each. */
static struct {
    struct heap_node node;
    uint64_t rest[5];
} timers[NODES];
_Static_assert(sizeof(timers[0]) == 1 << SLOT_BITS, "a granule each");
char *const arch_granule_base = (char *)timers;
struct hart harts[MAX_HARTS];

static unsigned rank_at(unsigned ref)
{
    return ref ? timers[ref - 1].node.rank : 0;
}

/* Whether node i is where its parent says, goes after it, and has the rank of a leftist heap. */
static bool node_is_ordered(unsigned i)
{
    const struct heap_node *node = &timers[i].node;

    if (node->left > NODES || node->right > NODES || node->parent > NODES || node->hart != 0)
        return false;
    if (node->left && (timers[node->left - 1].node.parent != i + 1 || !timers[node->left - 1].node.queued))
        return false;
    if (node->right && (timers[node->right - 1].node.parent != i + 1 ||
                        !timers[node->right - 1].node.queued || node->right == node->left))
        return false;
    if (rank_at(node->left) < rank_at(node->right) || node->rank != rank_at(node->right) + 1)
        return false;
    if (!node->parent)
        return harts[0].heap == i + 1;
    const struct heap_node *parent = &timers[node->parent - 1].node;
    return parent->queued && parent->deadline <= node->deadline &&
           (parent->left == i + 1) != (parent->right == i + 1);
}

/* Every queued node reaches the root in at most as many steps as there are nodes. */
static bool node_has_root(unsigned i)
{
    unsigned at = i + 1;

    for (unsigned steps = 0; steps < NODES && timers[at - 1].node.parent; steps++)
        at = timers[at - 1].node.parent;
    return at == harts[0].heap;
}

static bool heap_is_well_formed(void)
{
    if (harts[0].heap > NODES || (harts[0].heap && !timers[harts[0].heap - 1].node.queued))
        return false;
    for (unsigned i = 0; i < NODES; i++)
        if (timers[i].node.queued && (!node_is_ordered(i) || !node_has_root(i)))
            return false;
    return true;
}

/* Any leftist heap of up to NODES nodes. Parents have lower numbers than their children, which any heap can
 * be given. */
static void any_heap(void)
{
    harts[0].heap = nondet_u32();
    for (unsigned i = 0; i < NODES; i++) {
        struct heap_node *node = &timers[i].node;

        *node = (struct heap_node){.deadline = nondet_u64(),
                                   .queued = nondet_bool(),
                                   .rank = nondet_u8(),
                                   .left = nondet_u32(),
                                   .right = nondet_u32(),
                                   .parent = nondet_u32()};
        if (node->queued)
            ASSUME(node->parent <= i);
    }
    ASSUME(heap_is_well_formed());
}

static unsigned queued_before[NODES];

static void remember_queued(void)
{
    for (unsigned i = 0; i < NODES; i++)
        queued_before[i] = timers[i].node.queued;
}

/*
 * proof heap_insert: any leftist heap of up to 4 nodes, any node and deadline
 * options: --unwind 5 --unwindset heap_merge.0:4,heap_merge.1:4
 * planted kernel/heap.c: s/node_at(b)->deadline < node_at(a)->deadline/node_at(b)->deadline > node_at(a)->deadline/
 * planted kernel/heap.c: s/if (rank_of(node->left) < rank_of(node->right))/if (false)/
 */
void prove_heap_insert(void)
{
    unsigned i = any_below(NODES);
    uint64_t deadline = nondet_u64();

    any_heap();
    ASSUME(!timers[i].node.queued);
    remember_queued();
    heap_insert(&harts[0], &timers[i].node, deadline);
    CHECK(heap_is_well_formed(), "heap: well formed after insertion");
    CHECK(timers[i].node.queued && timers[i].node.deadline == deadline, "heap: the node is in it");
    for (unsigned j = 0; j < NODES; j++) {
        CHECK(j == i || timers[j].node.queued == queued_before[j], "heap: others stay");
        CHECK(!timers[j].node.queued || heap_first(&harts[0])->deadline <= timers[j].node.deadline,
              "heap: the first is the earliest");
    }
}

/*
 * proof heap_remove: any leftist heap of up to 5 nodes, any of them or one that is not queued
 * options: --unwind 5 --unwindset heap_merge.0:4,heap_merge.1:4
 * planted kernel/heap.c: s/node_at(rest)->parent = parent;/node_at(rest)->parent = 0;/
 * planted kernel/heap.c: s/while (parent && node_settle(node_at(parent)))/while (false)/
 */
void prove_heap_remove(void)
{
    unsigned i = any_below(NODES);

    any_heap();
    remember_queued();
    heap_remove(&timers[i].node);
    CHECK(heap_is_well_formed(), "heap: well formed after removal");
    CHECK(!timers[i].node.queued, "heap: the node is out of it");
    for (unsigned j = 0; j < NODES; j++)
        CHECK(j == i || timers[j].node.queued == queued_before[j], "heap: others stay");
}
