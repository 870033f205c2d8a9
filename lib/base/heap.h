/* SPDX-License-Identifier: MIT */
/*
 * Queues by time: leftist heaps (Crane 1972; Knuth, The Art of Computer Programming vol. 3, 5.2.3). The path
 * of right children from any node is at most log2(n) long, so insertion and removal take O(log n) steps even
 * when every node belongs to somebody hostile, and the nodes need no memory of their own.
 *
 * Nodes lie at multiples of HEAP_UNIT bytes from a base that the caller names. Reference n is the node n - 1
 * units from there, and 0 is none. A heap is the reference of its earliest node.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HEAP_UNIT 64

struct heap_node {
    uint64_t deadline;
    uint32_t left, right, parent;
    uint8_t rank;
    uint8_t queued;
    uint8_t kind; /* these are the caller's: what the node is part of, */
    uint8_t hart; /* and whose heap it is in */
};

/* The node of a reference that is not 0. */
static inline struct heap_node *heap_node_at(char *base, uint32_t reference)
{
    return (struct heap_node *)(base + (uint64_t)reference * HEAP_UNIT - HEAP_UNIT);
}

/* Puts a node that is in no heap into this one. */
void heap_insert(char *base, uint32_t *heap, struct heap_node *node, uint64_t deadline);
/* Takes a node that is in this heap, or in none, out of it. */
void heap_remove(char *base, uint32_t *heap, struct heap_node *node);
