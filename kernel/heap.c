/* SPDX-License-Identifier: MIT */
/* The time queue of a hart: a leftist heap (Crane 1972; Knuth, The Art of Computer Programming vol. 3,
 * 5.2.3). The path of right children from any node is at most log2(n) long, so insertion and removal take
 * O(log n) steps even when every timer belongs to somebody hostile, and the nodes need no memory of their
 * own. */
#include "heap.h"

#include "cap.h"

static struct heap_node *node_at(granule ref)
{
    return granule_to(ref);
}

static unsigned rank_of(granule ref)
{
    return ref ? node_at(ref)->rank : 0;
}

/* Restores the two rules of a node after its children changed: left rank at least right rank, own rank one
 * more than the right one's. Returns whether its rank changed. */
static bool node_settle(struct heap_node *node)
{
    unsigned rank;

    if (rank_of(node->left) < rank_of(node->right)) {
        granule left = node->left;

        node->left = node->right;
        node->right = left;
    }
    rank = rank_of(node->right) + 1;
    if (node->rank == rank)
        return false;
    node->rank = rank;
    return true;
}

/* Merges two heaps along their right paths; first down, then settling on the way up. */
static granule heap_merge(granule a, granule b)
{
    granule top = 0, parent = 0;
    struct heap_node *node;

    while (a && b) {
        granule next;

        if (node_at(b)->deadline < node_at(a)->deadline) {
            next = a;
            a = b;
            b = next;
        }
        node = node_at(a);
        node->parent = parent;
        if (parent)
            node_at(parent)->right = a;
        else
            top = a;
        parent = a;
        a = node->right;
    }
    a = a ? a : b;
    if (a)
        node_at(a)->parent = parent;
    if (!parent)
        return a;
    node_at(parent)->right = a;
    while (parent) {
        node = node_at(parent);
        node_settle(node);
        parent = node->parent;
    }
    return top;
}

static granule *root_of(struct hart *hart, const struct heap_node *node)
{
    return node->kind == HEAP_CONTEXT ? &hart->throttled : &hart->heap;
}

struct heap_node *heap_first(const struct hart *hart)
{
    struct heap_node *timer = node_at(hart->heap), *context = node_at(hart->throttled);

    return !timer || (context && context->deadline <= timer->deadline) ? context : timer;
}

void heap_insert(struct hart *hart, struct heap_node *node, uint64_t deadline)
{
    node->deadline = deadline;
    node->left = node->right = node->parent = 0;
    node->rank = 1;
    node->queued = 1;
    node->hart = hart->index;
    *root_of(hart, node) = heap_merge(*root_of(hart, node), granule_of(node));
    if (heap_first(hart) == node)
        hart->reschedule = true; /* which programs the timer */
}

void heap_remove(struct heap_node *node)
{
    struct hart *hart = &harts[node->hart];
    granule self = granule_of(node), parent = node->parent, rest;

    if (!node->queued)
        return;
    if (node->left)
        node_at(node->left)->parent = 0;
    if (node->right)
        node_at(node->right)->parent = 0;
    rest = heap_merge(node->left, node->right);
    node->queued = 0;
    if (!parent) {
        *root_of(hart, node) = rest;
        return;
    }
    if (rest)
        node_at(rest)->parent = parent;
    if (node_at(parent)->left == self)
        node_at(parent)->left = rest;
    else
        node_at(parent)->right = rest;
    /* Ranks shrink upwards only as far as they change: at most log2(n) nodes. */
    while (parent && node_settle(node_at(parent)))
        parent = node_at(parent)->parent;
}
