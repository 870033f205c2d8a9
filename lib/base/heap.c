/* SPDX-License-Identifier: MIT */
/* Leftist heaps: see heap.h. */
#include <base/heap.h>

static unsigned rank_of(char *base, uint32_t ref)
{
    return ref ? heap_node_at(base, ref)->rank : 0;
}

/* Restores the two rules of a node after its children changed: left rank at least right rank, own rank one
 * more than the right one's. Returns whether its rank changed. */
static bool node_settle(char *base, struct heap_node *node)
{
    unsigned rank;

    if (rank_of(base, node->left) < rank_of(base, node->right)) {
        uint32_t left = node->left;

        node->left = node->right;
        node->right = left;
    }
    rank = rank_of(base, node->right) + 1;
    if (node->rank == rank)
        return false;
    node->rank = rank;
    return true;
}

/* Merges two heaps along their right paths; first down, then settling on the way up. */
static uint32_t heap_merge(char *base, uint32_t a, uint32_t b)
{
    uint32_t top = 0, parent = 0;
    struct heap_node *node;

    while (a && b) {
        uint32_t next;

        if (heap_node_at(base, b)->deadline < heap_node_at(base, a)->deadline) {
            next = a;
            a = b;
            b = next;
        }
        node = heap_node_at(base, a);
        node->parent = parent;
        if (parent)
            heap_node_at(base, parent)->right = a;
        else
            top = a;
        parent = a;
        a = node->right;
    }
    a = a ? a : b;
    if (a)
        heap_node_at(base, a)->parent = parent;
    if (!parent)
        return a;
    heap_node_at(base, parent)->right = a;
    while (parent) {
        node = heap_node_at(base, parent);
        node_settle(base, node);
        parent = node->parent;
    }
    return top;
}

static uint32_t reference_of(const char *base, const struct heap_node *node)
{
    return ((const char *)node - base) / HEAP_UNIT + 1;
}

void heap_insert(char *base, uint32_t *heap, struct heap_node *node, uint64_t deadline)
{
    node->deadline = deadline;
    node->left = node->right = node->parent = 0;
    node->rank = 1;
    node->queued = 1;
    *heap = heap_merge(base, *heap, reference_of(base, node));
}

void heap_remove(char *base, uint32_t *heap, struct heap_node *node)
{
    uint32_t self = reference_of(base, node), parent = node->parent, rest;

    if (!node->queued)
        return;
    if (node->left)
        heap_node_at(base, node->left)->parent = 0;
    if (node->right)
        heap_node_at(base, node->right)->parent = 0;
    rest = heap_merge(base, node->left, node->right);
    node->queued = 0;
    if (!parent) {
        *heap = rest;
        return;
    }
    if (rest)
        heap_node_at(base, rest)->parent = parent;
    if (heap_node_at(base, parent)->left == self)
        heap_node_at(base, parent)->left = rest;
    else
        heap_node_at(base, parent)->right = rest;
    /* Ranks shrink upwards only as far as they change: at most log2(n) nodes. */
    while (parent && node_settle(base, heap_node_at(base, parent)))
        parent = heap_node_at(base, parent)->parent;
}
