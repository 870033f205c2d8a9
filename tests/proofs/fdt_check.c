/* SPDX-License-Identifier: MIT */
/* The device tree checker: whatever the bytes are, it reads only what it may, ends, and accepts only what it
 * promises. */
#include "proof.h"

#include "lib/base/fdt_check.c"

#define BLOB                                                                                                 \
    72 /* header of 40, one reservation entry, and 16 for the structure: the smallest tree there is */

static uint8_t blob[BLOB];

static void any_bytes(uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = nondet_u8();
}

/* What the other parts of the reader rely on after fdt_open(). */
static void check_promise(const struct fdt *fdt, size_t limit)
{
    CHECK(fdt->blob == blob && fdt->total <= limit && fdt->total <= INT32_MAX,
          "fdt: no more than the limit is used");
    CHECK(range_inside(fdt->struct_off, fdt->struct_size, fdt->total) && fdt->struct_off % 4 == 0 &&
              fdt->struct_size >= 16 && fdt->struct_size % 4 == 0,
          "fdt: the structure block is inside");
    CHECK(read_be32(blob + fdt->struct_off + fdt->struct_size - 4) == TOKEN_END,
          "fdt: it ends with its END token");
    CHECK(range_inside(fdt->strings_off, fdt->strings_size, fdt->total), "fdt: the strings block is inside");
    CHECK(fdt->strings_size == 0 || blob[fdt->strings_off + fdt->strings_size - 1] == 0,
          "fdt: all strings end inside their block");
    CHECK(range_inside(fdt->rsvmap_off, ((uint64_t)fdt->rsvmap_count + 1) * RESERVATION_SIZE, fdt->total),
          "fdt: the reservations are inside");
}

/*
 * proof fdt_open: any blob of up to 72 bytes, of which any number may be read
 * options: --unwind 6 --conversion-check
 *   --unwindset fdt_open.0:73,check_begin_node.0:33,check_structure.0:10,any_bytes.0:73
 * planted lib/base/fdt_check.c: s/fdt->total > limit || //
 * planted lib/base/fdt_check.c: s/!range_inside(fdt->strings_off, fdt->strings_size, fdt->total)/false/
 * planted lib/base/fdt_check.c: s/tree.struct_size = check.at;/tree.struct_size = check.size;/
 */
void prove_fdt_open(void)
{
    size_t limit = nondet_u64();
    struct fdt fdt;

    ASSUME(limit <= BLOB);
    any_bytes(blob, BLOB);
    if (!fdt_open(&fdt, blob, limit))
        check_promise(&fdt, limit);
}

/*
 * proof fdt_header: any header, any limit, wherever the blob lies
 * options: --unwind 41 --conversion-check --no-sat-preprocessor
 * planted lib/base/fdt_check.c: s/fdt->strings_off < header_size || //
 */
void prove_fdt_header(void)
{
    static uint8_t header[HEADER_SIZE_V17];
    size_t limit = nondet_u64();
    struct fdt fdt;
    enum fdt_error error;

    for (unsigned i = 0; i < HEADER_SIZE_V17; i++)
        header[i] = nondet_u8();
    error = read_header(&fdt, nondet_bool() ? header : NULL, limit);
    if (error)
        return;
    CHECK(fdt.total <= limit && fdt.total >= HEADER_SIZE_V16, "fdt: the header is inside the blob");
    CHECK(range_inside(fdt.struct_off, fdt.struct_size, fdt.total), "fdt: the structure block is inside");
    CHECK(range_inside(fdt.strings_off, fdt.strings_size, fdt.total), "fdt: the strings block is inside");
    CHECK(fdt.struct_off >= HEADER_SIZE_V16 && fdt.strings_off >= HEADER_SIZE_V16 &&
              fdt.rsvmap_off >= HEADER_SIZE_V16,
          "fdt: no block overlaps the header");
}

/*
 * proof fdt_node_token: any state of the check of a structure block of up to 16 bytes
 * options: --unwind 18 --conversion-check
 * planted lib/base/fdt_check.c: s/if (check->depth == FDT_MAX_DEPTH)/if (false)/
 * planted lib/base/fdt_check.c: s/while (end < check->size && check->base/while (check->base/
 */
void prove_fdt_node_token(void)
{
    struct checker check = {.base = blob,
                            .size = any_below(17),
                            .depth = any_below(FDT_MAX_DEPTH + 1),
                            .root_closed = nondet_bool()};
    uint32_t before;

    any_bytes(blob, 16);
    before = check.at = any_below(check.size + 1);
    if (!check_begin_node(&check)) {
        CHECK(check.depth <= FDT_MAX_DEPTH, "fdt: no deeper than allowed");
        CHECK(check.at > before && check.at % 4 == 0 && check.at <= 16 && blob[before] <= 255,
              "fdt: the check goes on behind the name");
    }
}

/*
 * proof fdt_property_token: any state of the check of a structure block of any size, the first 24 bytes known
 * options: --unwind 26
 * planted lib/base/fdt_check.c: s/if (!range_inside(check->at + 8, length, check->size))/if (length > check->size)/
 */
void prove_fdt_property_token(void)
{
    struct checker check = {
        .base = blob, .size = any_below(25), .strings_size = nondet_u32(), .property_allowed = nondet_bool()};
    uint32_t before, length;

    any_bytes(blob, 24);
    before = check.at = any_below(check.size + 1);
    if (check_property(&check))
        return;
    length = read_be32(blob + before);
    CHECK(range_inside(before + 8, length, check.size), "fdt: the value is inside the block");
    CHECK(check.at >= before + 8 + length, "fdt: the check goes on behind the value");
    CHECK(read_be32(blob + before + 4) < check.strings_size, "fdt: the name is inside the strings block");
}
