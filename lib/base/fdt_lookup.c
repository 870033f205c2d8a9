/* SPDX-License-Identifier: MIT */
/* Flattened device tree: what properties mean. Runs on trees that fdt_open() has checked. */
#include <base/checked.h>
#include <base/fdt.h>
#include <string.h>

#include "fdt_internal.h"

#define DEFAULT_ADDRESS_CELLS 2 /* section 2.3.5 */
#define DEFAULT_SIZE_CELLS    1

const char *fdt_prop_string(const struct fdt *fdt, int node, const char *name)
{
    return fdt_prop_string_at(fdt, node, name, 0);
}

const char *fdt_prop_string_at(const struct fdt *fdt, int node, const char *name, unsigned n)
{
    uint32_t length;
    const char *list = fdt_prop(fdt, node, name, &length);

    if (list == NULL || length == 0 || list[length - 1] != 0)
        return NULL;
    const char *end = list + length;
    while (n-- > 0) {
        list += strlen(list) + 1;
        if (list == end)
            return NULL;
    }
    return list;
}

bool fdt_prop_u32(const struct fdt *fdt, int node, const char *name, unsigned n, uint32_t *value)
{
    uint32_t length;
    const uint8_t *cells = fdt_prop(fdt, node, name, &length);

    if (cells == NULL || n >= length / 4)
        return false;
    *value = read_be32(cells + (size_t)n * 4);
    return true;
}

bool fdt_prop_number(const struct fdt *fdt, int node, const char *name, uint64_t *value)
{
    uint32_t length;
    const uint8_t *cells = fdt_prop(fdt, node, name, &length);

    if (cells == NULL || (length != 4 && length != 8))
        return false;
    *value = length == 4 ? read_be32(cells) : read_be64(cells);
    return true;
}

/* Whether a value is a list of strings with this one in it. */
static bool value_has(const void *value, uint32_t length, const char *string)
{
    const char *list = value, *end = list + length;

    if (list == end || end[-1] != 0)
        return false;
    for (; list < end; list += strlen(list) + 1) {
        if (list[0] == string[0] && strcmp(list, string) == 0)
            return true;
    }
    return false;
}

static bool list_has(const uint8_t *property, const char *string)
{
    return value_has(property_value(property), property_length(property), string);
}

bool fdt_is_compatible(const struct fdt *fdt, int node, const char *compatible)
{
    static const char name[] = "compatible";
    const uint8_t *property = fdt_find_property(fdt, node, name, sizeof(name) - 1);

    return property != NULL && list_has(property, compatible);
}

int fdt_next_compatible(const struct fdt *fdt, int node, const char *compatible)
{
    node = fdt_next(fdt, node);
    if (node == FDT_NONE)
        return FDT_NONE;
    /* One walk over all properties from here on, rather than one for each node. */
    const uint8_t *holder = NULL;
    for (const uint8_t *token = token_at(fdt, node); kind_of(token) != TOKEN_END; token = next_token(token)) {
        if (kind_of(token) == TOKEN_BEGIN_NODE) {
            holder = token;
        } else if (kind_of(token) == TOKEN_PROP && strcmp(property_name(fdt, token), "compatible") == 0 &&
                   list_has(token, compatible)) {
            return offset_of(fdt, holder);
        }
    }
    return FDT_NONE;
}

static bool is_okay(struct fdt_value status)
{
    const char *text = status.data;

    return text == NULL || (status.length > 0 && text[status.length - 1] == 0 &&
                            (strcmp(text, "okay") == 0 || strcmp(text, "ok") == 0));
}

bool fdt_is_enabled(const struct fdt *fdt, int node)
{
    struct fdt_value status = {0};

    status.data = fdt_prop(fdt, node, "status", &status.length);
    return node != FDT_NONE && is_okay(status);
}

bool fdt_walk_is_compatible(const struct fdt_walk *walk, const char *compatible)
{
    return value_has(walk->compatible.data, walk->compatible.length, compatible);
}

bool fdt_walk_has_type(const struct fdt_walk *walk, const char *type)
{
    return walk->device_type.length == strlen(type) + 1 &&
           memcmp(walk->device_type.data, type, walk->device_type.length) == 0;
}

bool fdt_walk_is_enabled(const struct fdt_walk *walk)
{
    return is_okay(walk->status);
}

static bool is_phandle(const struct fdt *fdt, const uint8_t *property, uint32_t phandle)
{
    /* Hardly any property has this value, so its name is seldom looked at. */
    if (property_length(property) != 4 || read_be32(property_value(property)) != phandle)
        return false;
    const char *name = property_name(fdt, property);
    return strcmp(name, "phandle") == 0 || strcmp(name, "linux,phandle") == 0;
}

int fdt_by_phandle(const struct fdt *fdt, uint32_t phandle)
{
    const uint8_t *holder = NULL;

    if (phandle == 0 || phandle == UINT32_MAX)
        return FDT_NONE;
    for (const uint8_t *token = token_at(fdt, 0); kind_of(token) != TOKEN_END; token = next_token(token)) {
        if (kind_of(token) == TOKEN_BEGIN_NODE)
            holder = token;
        else if (kind_of(token) == TOKEN_PROP && is_phandle(fdt, token, phandle))
            return offset_of(fdt, holder);
    }
    return FDT_NONE;
}

/* Child whose name, or whose name before '@', is the first `length` characters of `name`. */
static int child_with_length(const struct fdt *fdt, int node, const char *name, size_t length)
{
    bool has_unit_address = false;

    for (size_t i = 0; i < length; i++)
        has_unit_address |= name[i] == '@';
    for (node = fdt_first_child(fdt, node); node != FDT_NONE; node = fdt_next_sibling(fdt, node)) {
        const char *candidate = fdt_name(fdt, node);
        if (strncmp(candidate, name, length) == 0 &&
            (candidate[length] == 0 || (candidate[length] == '@' && !has_unit_address))) {
            return node;
        }
    }
    return FDT_NONE;
}

int fdt_child(const struct fdt *fdt, int node, const char *name)
{
    return child_with_length(fdt, node, name, strlen(name));
}

/* Characters of a path up to its next '/', its options or its end. */
static size_t component_length(const char *path)
{
    size_t length = 0;

    while (path[length] != 0 && path[length] != '/' && path[length] != ':')
        length++;
    return length;
}

/* Goes down from `node` along the components of `path`. */
static int walk(const struct fdt *fdt, int node, const char *path)
{
    while (node != FDT_NONE) {
        while (*path == '/')
            path++;
        size_t length = component_length(path);
        if (length == 0)
            return node;
        node = child_with_length(fdt, node, path, length);
        path += length;
    }
    return FDT_NONE;
}

int fdt_by_path(const struct fdt *fdt, const char *path)
{
    int root = fdt_root(fdt);

    if (path[0] == '/')
        return walk(fdt, root, path);
    size_t length = component_length(path);
    /* An alias holds a full path, never another alias, so that this cannot go round in circles. */
    const uint8_t *alias = NULL;
    if (length > 0)
        alias = fdt_find_property(fdt, fdt_child(fdt, root, "aliases"), path, length);
    if (alias == NULL || property_length(alias) == 0)
        return FDT_NONE;
    const char *target = (const char *)property_value(alias);
    if (target[0] != '/' || target[property_length(alias) - 1] != 0)
        return FDT_NONE;
    return walk(fdt, walk(fdt, root, target), path + length);
}

/* Widths of the addresses and sizes of a bus's children, in cells. */
struct bus_cells {
    uint32_t address, size;
};

static struct bus_cells cells_of(const struct fdt *fdt, int bus)
{
    struct bus_cells cells = {DEFAULT_ADDRESS_CELLS, DEFAULT_SIZE_CELLS};

    fdt_prop_u32(fdt, bus, "#address-cells", 0, &cells.address);
    fdt_prop_u32(fdt, bus, "#size-cells", 0, &cells.size);
    return cells;
}

/* Whether addresses are numbers of 64 bits at most: those below PCI, of three cells, are not. */
static bool cells_are_numbers(struct bus_cells cells)
{
    return cells.address >= 1 && cells.address <= 2 && cells.size <= 2;
}

static uint64_t read_cells(const uint8_t *p, uint32_t cells)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < cells; i++)
        value = value << 32 | read_be32(p + 4 * i);
    return value;
}

/* Turns an address on `bus`, whose children use `child` cells, into one on its parent (section 2.3.8). */
static bool translate(const struct fdt *fdt, int bus, struct bus_cells child, struct bus_cells parent,
                      uint64_t *address, uint64_t size)
{
    uint32_t length;
    const uint8_t *entry = fdt_prop(fdt, bus, "ranges", &length);
    uint32_t entry_size = 4 * (child.address + parent.address + child.size);

    if (entry == NULL || length % entry_size != 0)
        return false;
    if (length == 0) {
        return true; /* the same addresses on both sides */
    }
    for (const uint8_t *end = entry + length; entry < end; entry += entry_size) {
        uint64_t from = read_cells(entry, child.address);
        uint64_t to = read_cells(entry + 4 * child.address, parent.address);
        uint64_t range = read_cells(entry + 4 * (child.address + parent.address), child.size);
        uint64_t offset = *address - from;
        if (*address >= from && offset < range && range_inside(offset, size, range))
            return checked_add(to, offset, address);
    }
    return false;
}

/* `chain` is the way from the root to the node that has this value of `reg`. */
static bool chain_reg(const struct fdt *fdt, const int *chain, unsigned depth, struct fdt_value value,
                      unsigned n, uint64_t *address, uint64_t *size)
{
    const uint8_t *reg = value.data;
    uint64_t end;

    if (depth < 2 || reg == NULL)
        return false;
    struct bus_cells child = cells_of(fdt, chain[depth - 2]);
    if (!cells_are_numbers(child) || n >= value.length / (4 * (child.address + child.size)))
        return false;
    reg += (size_t)n * 4 * (child.address + child.size);
    uint64_t where = read_cells(reg, child.address);
    uint64_t bytes = read_cells(reg + 4 * child.address, child.size);
    for (unsigned bus = depth - 2; bus > 0; bus--) {
        struct bus_cells parent = cells_of(fdt, chain[bus - 1]);
        if (!cells_are_numbers(parent) || !translate(fdt, chain[bus], child, parent, &where, bytes))
            return false;
        child = parent;
    }
    if (!checked_add(where, bytes, &end))
        return false;
    *address = where;
    *size = bytes;
    return true;
}

bool fdt_reg(const struct fdt *fdt, int node, unsigned n, uint64_t *address, uint64_t *size)
{
    int chain[FDT_MAX_DEPTH];
    unsigned depth = fdt_chain(fdt, node, chain);
    struct fdt_value reg = {0};

    reg.data = fdt_prop(fdt, node, "reg", &reg.length);
    return chain_reg(fdt, chain, depth, reg, n, address, size);
}

bool fdt_walk_reg(const struct fdt *fdt, const struct fdt_walk *walk, unsigned n, uint64_t *address,
                  uint64_t *size)
{
    return chain_reg(fdt, walk->chain, walk->depth, walk->reg, n, address, size);
}
