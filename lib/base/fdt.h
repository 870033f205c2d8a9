/* SPDX-License-Identifier: MIT */
/*
 * Read-only flattened device tree reader (Devicetree Specification v0.4, chapter 5), for the kernel, for
 * user processes and for host tools. It trusts nothing: fdt_open() walks the whole blob once and checks
 * every offset, so that all other functions can go through it without failing. It never allocates or writes.
 *
 * A node is named by the offset of its FDT_BEGIN_NODE token in the structure block; FDT_NONE is "no node". It
 * may be given wherever a node is asked for: it has no name, properties, children or siblings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FDT_NONE      (-1)
#define FDT_MAX_DEPTH 32

enum fdt_error {
    FDT_OK = 0,
    FDT_BAD_MAGIC,   /* not a device tree at all */
    FDT_BAD_VERSION, /* last_comp_version newer than 17, or version older than 16 */
    FDT_TRUNCATED,   /* a block reaches past the end of the blob, or a token past the end of its block */
    FDT_BAD_LAYOUT,  /* blocks misaligned or overlapping the header */
    FDT_BAD_TOKEN,   /* unknown or misplaced token in the structure block */
    FDT_BAD_NAME,    /* name without terminator or outside its block, or a root node that has one */
    FDT_BAD_DEPTH,   /* nested deeper than FDT_MAX_DEPTH, or unbalanced */
};

struct fdt {
    const uint8_t *blob;
    uint32_t total;                     /* bytes, from the header */
    uint32_t struct_off, struct_size;   /* up to and with FDT_END */
    uint32_t strings_off, strings_size; /* up to and with the last terminator */
    uint32_t rsvmap_off;
    uint32_t rsvmap_count; /* entries before the terminating pair of zeros */
};

/* Opens and fully checks the tree at `blob`, of which at most `limit` bytes may be read. Takes time in
 * proportion to the blocks in use, not to the total size. `fdt` is written only for FDT_OK. */
enum fdt_error fdt_open(struct fdt *fdt, const void *blob, size_t limit);
/* One clause that says what is wrong ("bad magic number"), never NULL. */
const char *fdt_strerror(enum fdt_error error);

int fdt_root(const struct fdt *fdt);
int fdt_first_child(const struct fdt *fdt, int node);
int fdt_next_sibling(const struct fdt *fdt, int node);
int fdt_parent(const struct fdt *fdt, int node);
/* Next node after `node` in document order (parents before children); FDT_NONE at the end.
 * fdt_next(fdt, FDT_NONE) is the root. */
int fdt_next(const struct fdt *fdt, int node);
struct fdt_value {
    const void *data; /* NULL: the node has no such property */
    uint32_t length;
};

/* A walk through all nodes in document order, which begins as {0}. It knows the way from the root, and the
 * properties that tell what a node is: for who wants to see each node once this costs a fraction of asking
 * for them. */
struct fdt_walk {
    int chain[FDT_MAX_DEPTH]; /* the root, ..., the node */
    unsigned depth;           /* nodes in `chain` */
    struct fdt_value compatible, device_type, reg, status;
    const uint8_t *next; /* where the walk goes on */
};

/* Goes to the next node, false at the end. */
bool fdt_walk_next(const struct fdt *fdt, struct fdt_walk *walk);
/* Name with unit address ("cpu@0"); "" for the root. */
const char *fdt_name(const struct fdt *fdt, int node);
/* Child of `node` whose name is `name`, or whose name before '@' is `name`. FDT_NONE if there is none. */
int fdt_child(const struct fdt *fdt, int node, const char *name);

/* Raw property value and its length in bytes, NULL if absent. An empty property gives a non-NULL pointer and
 * length 0. `length` may be NULL. The value can have any alignment. */
const void *fdt_prop(const struct fdt *fdt, int node, const char *name, uint32_t *length);
/* The n-th property of a node in document order: true if there is one. */
bool fdt_prop_at(const struct fdt *fdt, int node, unsigned n, const char **name, const void **value,
                 uint32_t *length);
/* String property that is properly terminated, else NULL. Of a list, the first string. */
const char *fdt_prop_string(const struct fdt *fdt, int node, const char *name);
/* n-th string of a string list property, NULL when there are fewer or the list is malformed. */
const char *fdt_prop_string_at(const struct fdt *fdt, int node, const char *name, unsigned n);
/* n-th 32-bit cell of a property. */
bool fdt_prop_u32(const struct fdt *fdt, int node, const char *name, unsigned n, uint32_t *value);
/* Property of one or two cells as a number (linux,initrd-start comes both ways). */
bool fdt_prop_number(const struct fdt *fdt, int node, const char *name, uint64_t *value);

bool fdt_is_compatible(const struct fdt *fdt, int node, const char *compatible);
/* First node after `node` in document order that is compatible, FDT_NONE if none. Start with FDT_NONE. */
int fdt_next_compatible(const struct fdt *fdt, int node, const char *compatible);
int fdt_by_phandle(const struct fdt *fdt, uint32_t phandle);
/* The node that a path ("/soc/serial@10000000") or an alias, optionally followed by ":options", names.
 * Names may leave out their unit address; FDT_NONE if there is no such node. */
int fdt_by_path(const struct fdt *fdt, const char *path);
/* status is absent, "okay" or "ok". */
bool fdt_is_enabled(const struct fdt *fdt, int node);

/* n-th (address, size) of `reg`, decoded with the parent's #address-cells and #size-cells and translated
 * through the `ranges` of every bus above. False when there is none or it cannot be translated: numbers of
 * CPUs and I2C devices, whose parents have no `ranges`, are no addresses; fdt_prop_number() reads them. */
bool fdt_reg(const struct fdt *fdt, int node, unsigned n, uint64_t *address, uint64_t *size);
/* Whether the node that a walk is at has this `device_type` (Devicetree Specification 2.3.11). */
bool fdt_walk_has_type(const struct fdt_walk *walk, const char *type);
/* The same, fdt_is_compatible() and fdt_is_enabled() for the node that a walk is at. */
bool fdt_walk_is_compatible(const struct fdt_walk *walk, const char *compatible);
bool fdt_walk_is_enabled(const struct fdt_walk *walk);
bool fdt_walk_reg(const struct fdt *fdt, const struct fdt_walk *walk, unsigned n, uint64_t *address,
                  uint64_t *size);
/* n-th entry of the memory reservation block. */
bool fdt_reservation(const struct fdt *fdt, unsigned n, uint64_t *address, uint64_t *size);
