/* SPDX-License-Identifier: MIT */
/* Flattened device tree: walking through the nodes and properties of a tree that fdt_open() has checked. */
#include <base/fdt.h>
#include <string.h>

#include "fdt_internal.h"

/* The first token from this one on that is no NOP. */
static const uint8_t *skip_nops(const uint8_t *token)
{
    while (kind_of(token) == TOKEN_NOP)
        token += 4;
    return token;
}

int fdt_root(const struct fdt *fdt)
{
    return offset_of(fdt, skip_nops(token_at(fdt, 0)));
}

int fdt_first_child(const struct fdt *fdt, int node)
{
    if (node == FDT_NONE)
        return FDT_NONE;
    const uint8_t *token = next_token(token_at(fdt, node));
    while (kind_of(token) == TOKEN_PROP || kind_of(token) == TOKEN_NOP)
        token = next_token(token);
    return kind_of(token) == TOKEN_BEGIN_NODE ? offset_of(fdt, token) : FDT_NONE;
}

int fdt_next_sibling(const struct fdt *fdt, int node)
{
    if (node == FDT_NONE)
        return FDT_NONE;
    unsigned depth = 1;
    for (const uint8_t *token = next_token(token_at(fdt, node));; token = next_token(token)) {
        switch (kind_of(token)) {
        case TOKEN_BEGIN_NODE:
            if (depth == 0)
                return offset_of(fdt, token);
            depth++;
            break;
        case TOKEN_END_NODE:
            if (depth == 0)
                return FDT_NONE;
            depth--;
            break;
        case TOKEN_END: return FDT_NONE;
        default: break;
        }
    }
}

int fdt_next(const struct fdt *fdt, int node)
{
    if (node == FDT_NONE)
        return fdt_root(fdt);
    for (const uint8_t *token = next_token(token_at(fdt, node));; token = next_token(token)) {
        if (kind_of(token) == TOKEN_BEGIN_NODE)
            return offset_of(fdt, token);
        if (kind_of(token) == TOKEN_END)
            return FDT_NONE;
    }
}

/* The value that the walk keeps of a property with this name, or NULL. */
static struct fdt_value *kept_value(struct fdt_walk *walk, const char *name)
{
    switch (name[0]) {
    case 'c': return strcmp(name, "compatible") == 0 ? &walk->compatible : NULL;
    case 'd': return strcmp(name, "device_type") == 0 ? &walk->device_type : NULL;
    case 'r': return strcmp(name, "reg") == 0 ? &walk->reg : NULL;
    case 's': return strcmp(name, "status") == 0 ? &walk->status : NULL;
    default: return NULL;
    }
}

/* Reads the properties of the node that begins at `token`. Of two with one name the first counts, as
 * elsewhere. */
static void walk_enter(const struct fdt *fdt, struct fdt_walk *walk, const uint8_t *token)
{
    walk->chain[walk->depth++] = offset_of(fdt, token);
    walk->compatible = walk->device_type = walk->reg = walk->status = (struct fdt_value){NULL, 0};
    token = skip_nops(next_token(token));
    while (kind_of(token) == TOKEN_PROP) {
        uint32_t length = property_length(token);
        const uint8_t *value = property_value(token);
        struct fdt_value *kept = kept_value(walk, property_name(fdt, token));
        if (kept != NULL && kept->data == NULL)
            *kept = (struct fdt_value){value, length};
        token = skip_nops(value + align_token(length));
    }
    walk->next = token;
}

bool fdt_walk_next(const struct fdt *fdt, struct fdt_walk *walk)
{
    const uint8_t *token = walk->next != NULL ? walk->next : token_at(fdt, 0);

    for (; kind_of(token) != TOKEN_END; token += 4) {
        if (kind_of(token) == TOKEN_BEGIN_NODE) {
            walk_enter(fdt, walk, token);
            return true;
        }
        if (kind_of(token) == TOKEN_END_NODE)
            walk->depth--;
    }
    walk->next = token;
    return false;
}

unsigned fdt_chain(const struct fdt *fdt, int node, int chain[FDT_MAX_DEPTH])
{
    unsigned depth = 0;

    if (node == FDT_NONE)
        return 0;
    const uint8_t *last = token_at(fdt, node);
    for (const uint8_t *token = token_at(fdt, 0); token <= last; token = next_token(token)) {
        switch (kind_of(token)) {
        case TOKEN_BEGIN_NODE: chain[depth++] = offset_of(fdt, token); break;
        case TOKEN_END_NODE: depth--; break;
        default: break;
        }
    }
    return depth;
}

int fdt_parent(const struct fdt *fdt, int node)
{
    int chain[FDT_MAX_DEPTH];
    unsigned depth = fdt_chain(fdt, node, chain);

    return depth < 2 ? FDT_NONE : chain[depth - 2];
}

const char *fdt_name(const struct fdt *fdt, int node)
{
    return node == FDT_NONE ? "" : (const char *)token_at(fdt, node) + 4;
}

/* The property behind the node's name or behind another property, NULL if that was the last one. */
static const uint8_t *next_property(const uint8_t *token)
{
    token = skip_nops(next_token(token));
    return kind_of(token) == TOKEN_PROP ? token : NULL;
}

const uint8_t *fdt_find_property(const struct fdt *fdt, int node, const char *name, size_t name_length)
{
    if (node == FDT_NONE)
        return NULL;
    const uint8_t *property = token_at(fdt, node);
    while ((property = next_property(property)) != NULL) {
        const char *candidate = property_name(fdt, property);
        if (candidate[0] == name[0] && strncmp(candidate, name, name_length) == 0 &&
            candidate[name_length] == 0) {
            return property;
        }
    }
    return NULL;
}

bool fdt_prop_at(const struct fdt *fdt, int node, unsigned n, const char **name, const void **value,
                 uint32_t *length)
{
    if (node == FDT_NONE)
        return false;
    const uint8_t *property = token_at(fdt, node);
    do {
        property = next_property(property);
        if (property == NULL)
            return false;
    } while (n-- > 0);
    *name = property_name(fdt, property);
    *value = property_value(property);
    *length = property_length(property);
    return true;
}

/* Most names differ in the first character. */
static bool is_named(const struct fdt *fdt, const uint8_t *property, const char *name)
{
    const char *candidate = property_name(fdt, property);

    return candidate[0] == name[0] && strcmp(candidate, name) == 0;
}

const void *fdt_prop(const struct fdt *fdt, int node, const char *name, uint32_t *length)
{
    if (node == FDT_NONE)
        return NULL;
    const uint8_t *property = next_property(token_at(fdt, node));
    while (property != NULL && !is_named(fdt, property, name))
        property = next_property(property);
    if (property == NULL)
        return NULL;
    if (length != NULL)
        *length = property_length(property);
    return property_value(property);
}

bool fdt_reservation(const struct fdt *fdt, unsigned n, uint64_t *address, uint64_t *size)
{
    if (n >= fdt->rsvmap_count)
        return false;
    const uint8_t *entry = fdt->blob + fdt->rsvmap_off + (size_t)n * RESERVATION_SIZE;
    *address = read_be64(entry);
    *size = read_be64(entry + 8);
    return true;
}
