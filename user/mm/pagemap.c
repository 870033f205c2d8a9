/* SPDX-License-Identifier: MIT */
/*
 * A tree of tables from page numbers to places. A table is one cell of the ledger of the space that pays:
 * 16 entries. The table that was used last is remembered, and freed only when another is used: memory is
 * often mapped where some has just been unmapped.
 */
#include "mm.h"

#define ENTRY_BITS PAGEMAP_BITS
#define ENTRIES    (1u << ENTRY_BITS)
#define LEVELS_MAX 7

struct table {
    uint32_t entry[ENTRIES]; /* places in the lowest level, tables above; 0: none */
};
_Static_assert(sizeof(struct table) == CELL_BYTES, "one cell");

unsigned pagemap_height(uint64_t pages)
{
    unsigned height = 1;
    while (height < LEVELS_MAX && pages > 1ull << ENTRY_BITS * height)
        height++;
    return height;
}

static struct table *table_at(uint32_t cell)
{
    return ledger_at(cell);
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
        return table_at(map->leaf)->entry[entry_of(page, 0)];
    uint32_t at = map->root;
    for (unsigned level = map->height; at != 0 && level-- > 0;)
        at = table_at(at)->entry[entry_of(page, level)];
    return at;
}

static bool is_empty(const struct table *table)
{
    uint32_t any = 0;
    for (unsigned i = 0; i < ENTRIES; i++)
        any |= table->entry[i];
    return any == 0;
}

/* Frees the table that was used last if it is empty, and those above it that become empty. */
static void leaf_leave(struct space *payer, struct pagemap *map)
{
    uint32_t path[LEVELS_MAX], at = map->root;
    if (map->leaf == 0 || !is_empty(table_at(map->leaf)))
        return;
    uint64_t page = map->leaf_key << ENTRY_BITS;
    for (unsigned level = map->height; level-- > 0;) {
        path[level] = at;
        at = table_at(at)->entry[entry_of(page, level)];
    }
    map->leaf = 0;
    for (unsigned level = 0; level < map->height && is_empty(table_at(path[level])); level++) {
        ledger_put(payer, path[level]);
        if (level + 1 == map->height)
            map->root = 0;
        else
            table_at(path[level + 1])->entry[entry_of(page, level + 1)] = 0;
    }
}

static uint32_t table_new(struct space *payer)
{
    uint32_t cell = ledger_take(payer);
    *table_at(cell) = (struct table){0};
    return cell;
}

/* The lowest table for the page; 0: there is none. */
static uint32_t leaf_find(const struct pagemap *map, uint64_t page)
{
    uint32_t at = map->root;
    for (unsigned level = map->height - 1; at != 0 && level > 0; level--)
        at = table_at(at)->entry[entry_of(page, level)];
    return at;
}

/* Finds the lowest table for the page, makes what is missing, and remembers it as the one used last. */
static enum error leaf_walk(struct space *payer, struct pagemap *map, uint64_t page)
{
    enum error error;
    leaf_leave(payer, map);
    map->leaf = leaf_find(map, page);
    map->leaf_key = page >> ENTRY_BITS;
    if (map->leaf != 0)
        return ERR_OK;
    if (!ledger_ready(payer, map->height, &error))
        return error;
    uint32_t *entry = &map->root;
    for (unsigned level = map->height; level-- > 0;) {
        if (*entry == 0)
            *entry = table_new(payer);
        map->leaf = *entry;
        entry = &table_at(*entry)->entry[entry_of(page, level)];
    }
    return ERR_OK;
}

uint32_t *pagemap_walk(struct space *payer, struct pagemap *map, uint64_t page, enum error *error)
{
    *error = leaf_walk(payer, map, page);
    return !*error ? &table_at(map->leaf)->entry[entry_of(page, 0)] : NULL;
}

void pagemap_replace(struct pagemap *map, uint64_t page, uint32_t place)
{
    table_at(leaf_find(map, page))->entry[entry_of(page, 0)] = place;
}

void pagemap_end(struct space *payer, struct pagemap *map)
{
    leaf_leave(payer, map);
}

/* First page from `page` on in the table; the number behind its last one when there is none. */
static uint64_t next_in(const struct table *table, uint64_t page)
{
    do
        if (table->entry[entry_of(page, 0)] != 0)
            return page;
    while (entry_of(++page, 0) != 0);
    return page;
}

uint64_t pagemap_next(const struct pagemap *map, uint64_t from, uint64_t end)
{
    uint64_t page = from;
    while (map->root != 0 && page < end) {
        uint32_t at = map->root;
        unsigned level = map->height;
        while (at != 0 && --level > 0)
            at = table_at(at)->entry[entry_of(page, level)];
        if (at != 0) {
            uint64_t next = next_in(table_at(at), page);
            if (next == page || entry_of(next, 0) != 0)
                return next < end ? next : end;
            page = next;
        } else {
            /* Nothing in the part that an entry of this level stands for: on to the next part. */
            uint64_t part = 1ull << ENTRY_BITS * level;
            page = (page | (part - 1)) + 1;
        }
    }
    return end;
}

uint32_t *pagemap_first(struct space *payer, struct pagemap *map, uint64_t *page, uint64_t end)
{
    enum error error;
    for (; *page < end && is_cached(map, *page); ++*page) {
        uint32_t *entry = &table_at(map->leaf)->entry[entry_of(*page, 0)];
        if (*entry != 0)
            return entry;
    }
    if (*page >= end)
        return NULL;
    *page = pagemap_next(map, *page, end);
    return *page < end ? pagemap_entry(payer, map, *page, &error) : NULL;
}
