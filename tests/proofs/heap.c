/* SPDX-License-Identifier: MIT */
/* A queue by time stays a leftist heap of exactly the nodes that were put in. */
#include "proof.h"

#include "lib/base/heap.c"

#define NODES 4

/* A unit of references each. */
static struct {
    struct heap_node node;
    uint64_t rest[5];
} timers[NODES];
_Static_assert(sizeof(timers[0]) == HEAP_UNIT, "a unit each");
static uint32_t heap;

static unsigned rank_at(unsigned ref)
{
    return ref ? timers[ref - 1].node.rank : 0;
}

/* Whether node i is where its parent says, goes after it, and has the rank of a leftist heap. */
static bool node_is_ordered(unsigned i)
{
    const struct heap_node *node = &timers[i].node;

    if (node->left > NODES || node->right > NODES || node->parent > NODES)
        return false;
    if (node->left && (timers[node->left - 1].node.parent != i + 1 || !timers[node->left - 1].node.queued))
        return false;
    if (node->right && (timers[node->right - 1].node.parent != i + 1 ||
                        !timers[node->right - 1].node.queued || node->right == node->left))
        return false;
    if (rank_at(node->left) < rank_at(node->right) || node->rank != rank_at(node->right) + 1)
        return false;
    if (!node->parent)
        return heap == i + 1;
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
    return at == heap;
}

static bool heap_is_well_formed(void)
{
    if (heap > NODES || (heap && !timers[heap - 1].node.queued))
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
    heap = nondet_u32();
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
 * planted lib/base/heap.c: s/heap_node_at(base, b)->deadline < heap_node_at(base, a)->deadline/heap_node_at(base, b)->deadline > heap_node_at(base, a)->deadline/
 * planted lib/base/heap.c: s/if (rank_of(base, node->left) < rank_of(base, node->right))/if (false)/
 */
void prove_heap_insert(void)
{
    unsigned i = any_below(NODES);
    uint64_t deadline = nondet_u64();

    any_heap();
    ASSUME(!timers[i].node.queued);
    remember_queued();
    heap_insert((char *)timers, &heap, &timers[i].node, deadline);
    CHECK(heap_is_well_formed(), "heap: well formed after insertion");
    CHECK(timers[i].node.queued && timers[i].node.deadline == deadline, "heap: the node is in it");
    for (unsigned j = 0; j < NODES; j++) {
        CHECK(j == i || timers[j].node.queued == queued_before[j], "heap: others stay");
        CHECK(!timers[j].node.queued || timers[heap - 1].node.deadline <= timers[j].node.deadline,
              "heap: the first is the earliest");
    }
}

/*
 * proof heap_remove: any leftist heap of up to 5 nodes, any of them or one that is not queued
 * options: --unwind 5 --unwindset heap_merge.0:4,heap_merge.1:4
 * planted lib/base/heap.c: s/heap_node_at(base, rest)->parent = parent;/heap_node_at(base, rest)->parent = 0;/
 * planted lib/base/heap.c: s/while (parent && node_settle(base, heap_node_at(base, parent)))/while (false)/
 */
void prove_heap_remove(void)
{
    unsigned i = any_below(NODES);

    any_heap();
    remember_queued();
    heap_remove((char *)timers, &heap, &timers[i].node);
    CHECK(heap_is_well_formed(), "heap: well formed after removal");
    CHECK(!timers[i].node.queued, "heap: the node is out of it");
    for (unsigned j = 0; j < NODES; j++)
        CHECK(j == i || timers[j].node.queued == queued_before[j], "heap: others stay");
}
