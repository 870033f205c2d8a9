/* SPDX-License-Identifier: MIT */
/* A tree of tables from page numbers to places. Tables that become empty are given back at once. */
#include "mm.h"

#define ENTRY_BITS 9
#define ENTRIES    (1u << ENTRY_BITS)

struct node {
    uint32_t
        entry[ENTRIES]; /* places in the lowest level, nodes above; all 0 in a free node but for the first */
    uint32_t count;     /* of entries that are not 0 */
};

static struct pool nodes;

void pagemap_init(void)
{
    pool_init(&nodes, OWN_NODES, sizeof(struct node));
}

unsigned pagemap_height(uint64_t pages)
{
    unsigned height = 1;
    while (height < 3 && pages > 1ull << ENTRY_BITS * height)
        height++;
    return height;
}

static struct node *node_at(uint32_t index)
{
    return pool_at(&nodes, index);
}

static unsigned entry_of(uint64_t page, unsigned level)
{
    return page >> ENTRY_BITS * level & (ENTRIES - 1);
}

static bool is_cached(const struct pagemap *map, uint64_t page)
{
    return map->leaf != 0 && page >> ENTRY_BITS == map->leaf_key;
}

uint32_t pagemap_get(const struct pagemap *map, uint64_t page)
{
    if (is_cached(map, page))
        return node_at(map->leaf)->entry[entry_of(page, 0)];
    uint32_t at = map->root;
    for (unsigned level = map->height; at != 0 && level-- > 0;)
        at = node_at(at)->entry[entry_of(page, level)];
    return at;
}

static uint32_t node_new(void)
{
    uint32_t index = pool_take(&nodes);
    node_at(index)->entry[0] = 0;
    node_at(index)->count = 0;
    return index;
}

/* Finds the lowest table for the page, makes what is missing, and remembers it as the one used last. */
static struct node *leaf_walk(struct pagemap *map, uint64_t page)
{
    if (map->root == 0)
        map->root = node_new();
    uint32_t at = map->root;
    for (unsigned level = map->height - 1; level > 0; level--) {
        struct node *node = node_at(at);
        uint32_t *entry = &node->entry[entry_of(page, level)];
        if (*entry == 0) {
            *entry = node_new();
            node->count++;
        }
        at = *entry;
    }
    map->leaf = at;
    map->leaf_key = page >> ENTRY_BITS;
    return node_at(at);
}

bool pagemap_ready(struct pagemap *map, uint64_t page)
{
    if (is_cached(map, page))
        return true;
    store_enter();
    bool ready = pool_ready(&nodes, map->height);
    if (ready)
        leaf_walk(map, page);
    store_leave();
    return ready;
}

static inline struct node *leaf_for(struct pagemap *map, uint64_t page)
{
    return is_cached(map, page) ? node_at(map->leaf) : leaf_walk(map, page);
}

void pagemap_set(struct pagemap *map, uint64_t page, uint32_t place)
{
    struct node *leaf = leaf_for(map, page);
    uint32_t *entry = &leaf->entry[entry_of(page, 0)];
    leaf->count += *entry == 0;
    *entry = place;
}

/* Frees the lowest table for the page, which is empty, and those above it that become empty. */
static void free_path(struct pagemap *map, uint64_t page)
{
    uint32_t path[3] = {0};
    uint32_t at = map->root;
    for (unsigned level = map->height; level-- > 0;) {
        path[level] = at;
        at = node_at(at)->entry[entry_of(page, level)];
    }
    map->leaf = 0;
    for (unsigned level = 0; level + 1 < map->height; level++) {
        struct node *above = node_at(path[level + 1]);
        pool_put(&nodes, path[level]);
        above->entry[entry_of(page, level + 1)] = 0;
        if (--above->count > 0)
            return;
    }
    pool_put(&nodes, map->root);
    map->root = 0;
}

void pagemap_unready(struct pagemap *map, uint64_t page)
{
    if (leaf_for(map, page)->count == 0)
        free_path(map, page);
}

uint32_t pagemap_clear(struct pagemap *map, uint64_t page)
{
    uint32_t place = pagemap_get(map, page);
    if (place == 0)
        return 0;
    struct node *leaf = leaf_for(map, page);
    leaf->entry[entry_of(page, 0)] = 0;
    if (--leaf->count == 0)
        free_path(map, page);
    return place;
}

uint64_t pagemap_next(const struct pagemap *map, uint64_t from, uint64_t end)
{
    uint64_t page = from;
    while (page < end) {
        if (is_cached(map, page)) {
            const struct node *leaf = node_at(map->leaf);
            do
                if (leaf->entry[entry_of(page, 0)] != 0)
                    return page < end ? page : end;
            while (entry_of(++page, 0) != 0);
            continue;
        }
        uint32_t at = map->root;
        unsigned level = map->height;
        while (at != 0 && level > 0)
            at = node_at(at)->entry[entry_of(page, --level)];
        if (at != 0)
            return page;
        /* Nothing in the part that an entry of this level stands for: on to the next part. */
        uint64_t part = 1ull << ENTRY_BITS * level;
        page = (page | (part - 1)) + 1;
        if (map->root == 0)
            break;
    }
    return end;
}
