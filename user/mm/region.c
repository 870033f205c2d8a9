/* SPDX-License-Identifier: MIT */
/*
 * The regions of a space: an AVL tree by address, in cells of its ledger. Each node knows the largest gap
 * between regions below it, so that a place for a new one is found without looking at all.
 */
#include "mm.h"

static unsigned height(uint32_t cell)
{
    return cell != 0 ? region_at(cell)->height : 0;
}

static inline void at_least(uint64_t *most, uint64_t value)
{
    if (*most < value)
        *most = value;
}

/* Sums up what is below a node. */
static void sum_up(struct region *node)
{
    const struct region *left = node->left != 0 ? region_at(node->left) : NULL;
    const struct region *right = node->right != 0 ? region_at(node->right) : NULL;
    unsigned left_height = left != NULL ? left->height : 0, right_height = right != NULL ? right->height : 0;
    node->low = left != NULL ? left->low : node->start;
    node->high = right != NULL ? right->high : node->end;
    node->gap = 0;
    if (left != NULL) {
        at_least(&node->gap, left->gap);
        at_least(&node->gap, node->start - left->high);
    }
    if (right != NULL) {
        at_least(&node->gap, right->gap);
        at_least(&node->gap, right->low - node->end);
    }
    node->height = (uint8_t)(1 + (left_height > right_height ? left_height : right_height));
}

static uint32_t rotate_right(uint32_t top)
{
    uint32_t left = region_at(top)->left;
    region_at(top)->left = region_at(left)->right;
    region_at(left)->right = top;
    sum_up(region_at(top));
    sum_up(region_at(left));
    return left;
}

static uint32_t rotate_left(uint32_t top)
{
    uint32_t right = region_at(top)->right;
    region_at(top)->right = region_at(right)->left;
    region_at(right)->left = top;
    sum_up(region_at(top));
    sum_up(region_at(right));
    return right;
}

/* Makes the heights below a node, which may be two apart, differ by at most one. Returns who is on top
 * then. */
static uint32_t balance(uint32_t top)
{
    struct region *node = region_at(top);
    int lean = (int)height(node->left) - (int)height(node->right);
    if (lean > 1) {
        const struct region *left = region_at(node->left);
        if (height(left->left) < height(left->right))
            node->left = rotate_left(node->left);
        return rotate_right(top);
    }
    if (lean < -1) {
        const struct region *right = region_at(node->right);
        if (height(right->right) < height(right->left))
            node->right = rotate_right(node->right);
        return rotate_left(top);
    }
    sum_up(node);
    return top;
}

/* The recursions below go as deep as the tree is high, which is less than 1.5 times the logarithm of its
size. */

static uint32_t insert(uint32_t top, uint32_t cell)
{
    if (top == 0) {
        sum_up(region_at(cell));
        return cell;
    }
    struct region *node = region_at(top);
    if (region_at(cell)->start < node->start)
        node->left = insert(node->left, cell);
    else
        node->right = insert(node->right, cell);
    return balance(top);
}

/* Takes the first node out; it is told in *first. */
static uint32_t remove_first(uint32_t top, uint32_t *first)
{
    struct region *node = region_at(top);
    if (node->left == 0) {
        *first = top;
        return node->right;
    }
    node->left = remove_first(node->left, first);
    return balance(top);
}

/* Takes out the node that starts at `start`; it is there. */
static uint32_t remove_node(uint32_t top, uint64_t start)
{
    struct region *node = region_at(top);
    uint32_t next;
    if (start < node->start) {
        node->left = remove_node(node->left, start);
        return balance(top);
    }
    if (start > node->start) {
        node->right = remove_node(node->right, start);
        return balance(top);
    }
    if (node->right == 0)
        return node->left;
    uint32_t rest = remove_first(node->right, &next);
    region_at(next)->left = node->left;
    region_at(next)->right = rest;
    return balance(next);
}

/* Sums up anew from the node that starts at `start` on; its end has changed. */
static void refresh(uint32_t top, uint64_t start)
{
    struct region *node = region_at(top);
    if (start != node->start)
        refresh(start < node->start ? node->left : node->right, start);
    sum_up(node);
}

void tree_insert(uint32_t *root, uint32_t cell)
{
    struct region *node = region_at(cell);
    node->left = node->right = 0;
    *root = insert(*root, cell);
}

void tree_remove(uint32_t *root, uint32_t cell)
{
    *root = remove_node(*root, region_at(cell)->start);
}

uint32_t tree_after(uint32_t root, uint64_t address)
{
    uint32_t found = 0;
    while (root != 0) {
        const struct region *node = region_at(root);
        if (node->end > address) {
            found = root;
            root = node->left;
        } else {
            root = node->right;
        }
    }
    return found;
}

struct region *region_after(const struct space *space, uint64_t address)
{
    uint32_t cell = tree_after(space->regions, address);
    return cell != 0 ? region_at(cell) : NULL;
}

struct region *region_search(struct space *space, uint64_t address)
{
    uint32_t cell = tree_after(space->regions, address);
    if (cell == 0 || region_at(cell)->start > address || cell == space->ghost)
        return NULL;
    space->region_hot = cell;
    return region_at(cell);
}

void region_lay_aside(struct space *space, struct region *region)
{
    region_bury(space);
    space->ghost = (uint32_t)(((char *)region - ledger_base) / CELL_BYTES);
    space->region_hot = 0;
}

void region_bury(struct space *space)
{
    if (space->ghost == 0)
        return;
    tree_remove(&space->regions, space->ghost);
    ledger_put(space, space->ghost);
    space->ghost = 0;
}

struct region *region_again(struct space *space, uint64_t length, uint32_t prot)
{
    struct region *region = space->ghost != 0 ? region_at(space->ghost) : NULL;
    if (region == NULL || region->end - region->start != length)
        return NULL;
    space->region_hot = space->ghost;
    space->ghost = 0;
    region->prot = (uint8_t)prot;
    return region;
}

bool region_is_clear(struct space *space, uint64_t start, uint64_t end)
{
    region_bury(space);
    const struct region *region = region_after(space, start);
    return region == NULL || region->start >= end;
}

/* What is to be placed, and how much lies free around it at least. */
struct wanted {
    uint64_t length, alignment, gap;
};

/* In the gap between a region that ends at `floor` and one that starts at `ceiling`; 0: does not fit. */
static uint64_t fit_gap(const struct wanted *wanted, uint64_t floor, uint64_t ceiling)
{
    uint64_t low = floor + PAGE_BYTES, high = ceiling - PAGE_BYTES;
    if (high < low || high - low < wanted->length)
        return 0;
    uint64_t start = align_down(high - wanted->length, wanted->alignment);
    return start >= low ? start : 0;
}

/* The highest place among the regions below `top`, all above `floor`, that ends before `ceiling`. */
static uint64_t fit(const struct wanted *wanted, uint32_t top, uint64_t floor, uint64_t ceiling)
{
    if (top == 0)
        return fit_gap(wanted, floor, ceiling);
    const struct region *node = region_at(top);
    if (node->start >= ceiling)
        return fit(wanted, node->left, floor, ceiling);
    uint64_t most = node->gap;
    at_least(&most, node->low - floor);
    at_least(&most, node->high < ceiling ? ceiling - node->high : 0);
    if (most < wanted->gap)
        return 0;
    uint64_t start = node->end < ceiling ? fit(wanted, node->right, node->end, ceiling) : 0;
    return start != 0 ? start : fit(wanted, node->left, floor, node->start);
}

uint64_t region_choose(struct space *space, uint64_t length, uint64_t alignment)
{
    region_bury(space);
    const struct wanted wanted = {
        .length = length, .alignment = alignment, .gap = length + PAGE_BYTES + alignment};
    /* As if there were regions next to what may be chosen. */
    return fit(&wanted, space->regions, USER_LOW - PAGE_BYTES, CHOOSE_END + PAGE_BYTES);
}

enum error region_insert(struct space *space, const struct region *region, uint32_t segment)
{
    enum error error;
    region_bury(space);
    if (!ledger_ready(space, 2, &error))
        return error;
    uint32_t cell = ledger_take(space);
    *region_at(cell) = *region;
    region_at(cell)->view = 0;
    tree_insert(&space->regions, cell);
    if (segment != 0)
        view_enter(space, cell, segment);
    return ERR_OK;
}

enum error region_can_cut(struct space *space, uint64_t start, uint64_t end)
{
    enum error error = ERR_OK;
    const struct region *region = region_find(space, start);
    bool splits = region != NULL && region->start < start && end < region->end;
    return !splits || ledger_ready(space, 2, &error) ? ERR_OK : error;
}

/* Enters what is left of a region behind a cut; there is room for that. */
static void enter_rest(struct space *space, const struct region *whole, uint64_t start)
{
    struct region rest = *whole;
    rest.offset += start - whole->start;
    rest.start = start;
    region_insert(space, &rest, segment_of(whole));
}

void region_cut(struct space *space, uint64_t start, uint64_t end)
{
    uint32_t cell = tree_after(space->regions, start);
    struct region *region = region_at(cell), whole = *region;
    if (whole.start < start) {
        region->end = start;
        refresh(space->regions, whole.start);
        if (end < whole.end)
            enter_rest(space, &whole, end);
        return;
    }
    tree_remove(&space->regions, cell);
    space->region_hot = 0;
    if (end < whole.end) {
        region->offset += end - whole.start;
        region->start = end;
        tree_insert(&space->regions, cell);
        return;
    }
    if (whole.view != 0)
        view_leave(space, cell);
    ledger_put(space, cell);
}
