/* SPDX-License-Identifier: MIT */
/* Flattened device tree: the check of the whole blob, on which all else relies. */
#include <base/checked.h>
#include <base/fdt.h>
#include <string.h>

#include "fdt_internal.h"

#define FDT_MAGIC       0xd00dfeedu
#define OLDEST_VERSION  16u
#define NEWEST_VERSION  17u
#define HEADER_SIZE_V16 36u /* without size_dt_struct */
#define HEADER_SIZE_V17 40u

/* Offsets of the fields of the header (section 5.2). */
enum header_field {
    HEADER_MAGIC = 0,
    HEADER_TOTALSIZE = 4,
    HEADER_OFF_DT_STRUCT = 8,
    HEADER_OFF_DT_STRINGS = 12,
    HEADER_OFF_MEM_RSVMAP = 16,
    HEADER_VERSION = 20,
    HEADER_LAST_COMP_VERSION = 24,
    HEADER_SIZE_DT_STRINGS = 32,
    HEADER_SIZE_DT_STRUCT = 36,
};

/* The check of the structure block: `at` is the next byte to look at. */
struct checker {
    const uint8_t *base;
    uint32_t size, at;
    uint32_t strings_size;
    unsigned depth;
    bool root_closed;
    bool property_allowed; /* between a node's name and its first child */
};

static enum fdt_error check_begin_node(struct checker *check)
{
    if (check->root_closed)
        return FDT_BAD_TOKEN;
    if (check->depth == FDT_MAX_DEPTH)
        return FDT_BAD_DEPTH;
    uint32_t end = check->at;
    while (end < check->size && check->base[end] != 0)
        end++;
    if (end == check->size || (check->depth == 0 && end != check->at))
        return FDT_BAD_NAME;
    check->at = (uint32_t)align_token(end + 1);
    check->depth++;
    check->property_allowed = true;
    return FDT_OK;
}

static enum fdt_error check_end_node(struct checker *check)
{
    if (check->depth == 0)
        return FDT_BAD_DEPTH;
    check->depth--;
    check->root_closed = check->depth == 0;
    check->property_allowed = false;
    return FDT_OK;
}

static enum fdt_error check_property(struct checker *check)
{
    if (!check->property_allowed)
        return FDT_BAD_TOKEN;
    if (!range_inside(check->at, 8, check->size))
        return FDT_TRUNCATED;
    uint32_t length = read_be32(check->base + check->at);
    uint32_t name = read_be32(check->base + check->at + 4);
    if (name >= check->strings_size)
        return FDT_BAD_NAME;
    if (!range_inside(check->at + 8, length, check->size))
        return FDT_TRUNCATED;
    check->at = (uint32_t)align_token(check->at + 8 + length);
    return FDT_OK;
}

/* Goes over the whole structure block once; check->at ends up behind its FDT_END. */
static enum fdt_error check_structure(struct checker *check)
{
    while (range_inside(check->at, 4, check->size)) {
        uint32_t token = read_be32(check->base + check->at);
        enum fdt_error error;
        check->at += 4;
        switch (token) {
        case TOKEN_BEGIN_NODE: error = check_begin_node(check); break;
        case TOKEN_END_NODE: error = check_end_node(check); break;
        case TOKEN_PROP: error = check_property(check); break;
        case TOKEN_NOP: continue;
        case TOKEN_END: return check->root_closed ? FDT_OK : FDT_BAD_DEPTH;
        default: return FDT_BAD_TOKEN;
        }
        if (error)
            return error;
    }
    return FDT_TRUNCATED;
}

/* Counts the memory reservations and finds the pair of zeros that ends them. */
static enum fdt_error check_reservations(struct fdt *fdt)
{
    uint64_t at = fdt->rsvmap_off;

    for (fdt->rsvmap_count = 0; range_inside(at, RESERVATION_SIZE, fdt->total); at += RESERVATION_SIZE) {
        if (read_be64(fdt->blob + at) == 0 && read_be64(fdt->blob + at + 8) == 0)
            return FDT_OK;
        fdt->rsvmap_count++;
    }
    return FDT_TRUNCATED;
}

/* Reads the header and checks where it puts the blocks; from here on only `total` bytes matter. */
static enum fdt_error read_header(struct fdt *fdt, const uint8_t *blob, size_t limit)
{
    if (blob == NULL || limit < HEADER_SIZE_V16)
        return FDT_TRUNCATED;
    if (read_be32(blob + HEADER_MAGIC) != FDT_MAGIC)
        return FDT_BAD_MAGIC;
    uint32_t version = read_be32(blob + HEADER_VERSION);
    if (version < OLDEST_VERSION || read_be32(blob + HEADER_LAST_COMP_VERSION) > NEWEST_VERSION)
        return FDT_BAD_VERSION;
    uint32_t header_size = version < 17 ? HEADER_SIZE_V16 : HEADER_SIZE_V17;
    *fdt = (struct fdt){
        .blob = blob,
        .total = read_be32(blob + HEADER_TOTALSIZE),
        .struct_off = read_be32(blob + HEADER_OFF_DT_STRUCT),
        .strings_off = read_be32(blob + HEADER_OFF_DT_STRINGS),
        .strings_size = read_be32(blob + HEADER_SIZE_DT_STRINGS),
        .rsvmap_off = read_be32(blob + HEADER_OFF_MEM_RSVMAP),
    };
    if (fdt->total > limit || fdt->total < header_size || fdt->total > INT32_MAX)
        return FDT_TRUNCATED;
    if (fdt->struct_off % 4 != 0 || fdt->rsvmap_off % 8 != 0 || fdt->struct_off < header_size ||
        fdt->strings_off < header_size || fdt->rsvmap_off < header_size) {
        return FDT_BAD_LAYOUT;
    }
    if (fdt->struct_off > fdt->total)
        return FDT_TRUNCATED;
    fdt->struct_size = version < 17 ? fdt->total - fdt->struct_off : read_be32(blob + HEADER_SIZE_DT_STRUCT);
    if (!range_inside(fdt->struct_off, fdt->struct_size, fdt->total) ||
        !range_inside(fdt->strings_off, fdt->strings_size, fdt->total)) {
        return FDT_TRUNCATED;
    }
    return FDT_OK;
}

enum fdt_error fdt_open(struct fdt *fdt, const void *blob, size_t limit)
{
    struct fdt tree;
    enum fdt_error error = read_header(&tree, blob, limit);

    if (error)
        return error;
    /* Up to its last NUL, every name in the strings block ends inside it, whatever its offset. */
    while (tree.strings_size > 0 && tree.blob[tree.strings_off + tree.strings_size - 1] != 0)
        tree.strings_size--;
    error = check_reservations(&tree);
    if (error)
        return error;
    struct checker check = {
        .base = tree.blob + tree.struct_off,
        .size = tree.struct_size,
        .strings_size = tree.strings_size,
    };
    error = check_structure(&check);
    if (error)
        return error;
    tree.struct_size = check.at;
    *fdt = tree;
    return FDT_OK;
}

const char *fdt_strerror(enum fdt_error error)
{
    static const char *const text[] = {
        [FDT_OK] = "no error",
        [FDT_BAD_MAGIC] = "bad magic number",
        [FDT_BAD_VERSION] = "format version not supported",
        [FDT_TRUNCATED] = "truncated",
        [FDT_BAD_LAYOUT] = "blocks misaligned or inside the header",
        [FDT_BAD_TOKEN] = "unknown or misplaced token",
        [FDT_BAD_NAME] = "bad node or property name",
        [FDT_BAD_DEPTH] = "nodes unbalanced or nested too deep",
    };

    return (unsigned)error < sizeof(text) / sizeof(text[0]) ? text[error] : "unknown error";
}
