/* SPDX-License-Identifier: MIT */
/* Registers of any size and anywhere, made of device memory of which each piece is used up from its start. */
// sources: user/dev/devices.c user/dev/interrupts.c user/dev/registers.c
#include "dev_world.h"
#include "rt_stub.h"

#include "../../user/dev/registers.h"
#include <proto/mm.h>

#define SLOTS 1024

/* What is in dev's slots. */
static struct object {
    enum object_type type; /* OBJ_NULL: free; a segment counts as an endpoint */
    uint64_t address, next;
    unsigned bits;
    bool weak; /* a copy */
    uint64_t length;
} object[SLOTS];
static unsigned mapped;
const struct mmio_access mmio_direct;

cap_t slot_alloc(void)
{
    for (cap_t slot = 100; slot < SLOTS; slot++) {
        if (object[slot].type == OBJ_NULL) {
            object[slot].type = OBJ_TYPE_COUNT; /* taken */
            return slot;
        }
    }
    return 0;
}

void slot_release(cap_t slot)
{
    object[slot] = (struct object){0};
}

void slot_free(cap_t slot)
{
    slot_release(slot);
}

/* The kernel's rules for device memory. */
enum error untyped_retype(cap_t untyped, enum object_type type, unsigned size_bits, cap_t cnode,
                          uint64_t first, uint64_t count, uint64_t offset)
{
    struct object *from = &object[untyped];
    uint64_t size = 1ull << size_bits, at = from->address + offset;

    cr_assert_eq(from->type, OBJ_UNTYPED);
    cr_assert(cnode == 0 && count == 1 && (type == OBJ_FRAME || type == OBJ_UNTYPED));
    if (at < from->next || at % size != 0)
        return ERR_BAD_ARG;
    if (at + size > from->address + (1ull << from->bits))
        return ERR_NO_MEMORY;
    from->next = at + size;
    object[first] = (struct object){.type = type, .address = at, .next = at, .bits = size_bits};
    return ERR_OK;
}

enum error cnode_copy(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights)
{
    cr_assert(cnode == START_CNODE && source_cnode == 0 && rights == (RIGHT_READ | RIGHT_WRITE));
    object[slot] = object[source];
    object[slot].weak = true;
    return ERR_OK;
}

enum error proto_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                      void *reply, const cap_t *give, cap_t *const *take)
{
    const struct mm_segment_device_request *q = request;
    uint64_t at = object[give[0]].address;
    cap_t segment = slot_alloc();

    (void)server, (void)size, (void)reply;
    cr_assert(op->number == OP_mm_segment_device && give[0] != 0 && op->in_most == 4 && op->out_count == 1);
    if (segment == 0)
        return ERR_TOO_MANY;
    *take[0] = segment;
    object[segment] = (struct object){.type = OBJ_ENDPOINT, .address = at, .length = q->length};
    for (unsigned i = 0; i < op->in_most && give[i] != 0; i++) {
        cr_assert(object[give[i]].weak && object[give[i]].address == at, "frames follow each other");
        at += 1ull << object[give[i]].bits;
    }
    cr_assert_eq(at - object[give[0]].address, q->length);
    return ERR_OK;
}

enum error segment_map(struct segment *segment, cap_t cap, size_t length, uint64_t prot)
{
    cr_assert(object[cap].type == OBJ_ENDPOINT && object[cap].length == length);
    cr_assert_eq(prot, MM_READ | MM_WRITE);
    *segment = (struct segment){.cap = cap, .address = (void *)0x70000000, .length = length};
    mapped++;
    return ERR_OK;
}

static void give(uint64_t address, unsigned bits)
{
    cap_t slot = slot_alloc();

    object[slot] = (struct object){OBJ_UNTYPED, address, address, bits, false, 0};
    registers_add_untyped(slot, bits, address);
}

#define DEVICES                                                                                              \
    "uart@10000000 { compatible = \"u\"; reg = <0 0x10000000 0 0x10000>; }; "                                \
    "ecam@30000000 { compatible = \"e\"; reg = <0 0x30000000 0 0x10000000>; }; "                             \
    "shares@32345000 { compatible = \"s\"; reg = <0 0x32345000 0 0x100>; }; "                                \
    "odd@40000800 { compatible = \"o\"; reg = <0 0x40000800 0 0x900>; }; "                                   \
    "far@ffe7014000 { compatible = \"f\"; reg = <0xff 0xe7014000 0 0x100>; }; "                              \
    "last { compatible = \"l\"; reg = <0xffffff 0xfffff000 0 0x1000>; }; "                                   \
    "wraps { compatible = \"w\"; reg = <0x1000000 0 0 0x1000>; }; "

static void set_up_memory(void)
{
    set_up();
    load_source(HEAD PLIC DEVICES "};");
    for (unsigned bits = 31; bits < 56; bits++) /* 2 GiB to 4 GiB and so on; and all below 2 GiB */
        give(1ull << bits, bits);
    give(0, 31);
}

TestSuite(dev_registers, .init = set_up_memory, .fini = tear_down, .timeout = 60);

/* What the device has `from` bytes from the start of its registers, which must be there. */
static struct registers part_of(const char *name, uint64_t from)
{
    uint64_t address, size;
    struct registers part;

    cr_assert(device_registers(&devices, find(name), 0, &address, &size));
    enum error error = registers_part(&devices, address, size, from, &part);
    cr_assert_eq(error, ERR_OK, "%s from 0x%llx: %s", name, (unsigned long long)from, error_text(error));
    cr_assert_eq(object[part.segment].address, part.start);
    cr_assert_eq(object[part.segment].length, part.segment_length);
    cr_assert_eq(part.start + part.offset, address + from);
    cr_assert_leq(part.offset + part.length, part.segment_length);
    cr_assert_leq(from + part.length, size);
    return part;
}

/* In pieces without gaps; returns how many. */
static unsigned walk(const char *name, uint64_t size)
{
    unsigned pieces = 0;

    for (uint64_t from = 0; from < size; pieces++)
        from += part_of(name, from).length;
    return pieces;
}

Test(dev_registers, larger_than_one_message_carries)
{
    cr_assert_eq(walk("uart@10000000", 0x10000), 4);
    cr_assert_eq(part_of("uart@10000000", 0x4321).segment, part_of("uart@10000000", 0x4000).segment);
}

/* 256 MiB in megapages but where another device has registers, too. */
Test(dev_registers, a_window_of_pci)
{
    struct registers part = part_of("ecam@30000000", 0x100000);

    cr_assert_eq(part.segment_length, 8 << 20);
    cr_assert_eq(part.offset, 0x100000);
    cr_assert_eq(part_of("ecam@30000000", 0x2345000).segment_length, 4 * 4096);
    cr_assert_eq(part_of("shares@32345000", 0).start, 0x32345000);
    cr_assert_eq(part_of("ecam@30000000", 0xfffffff).length, 1);
}

Test(dev_registers, in_any_order)
{
    cr_assert_eq(part_of("odd@40000800", 0).length, 0x900);
    cr_assert_eq(part_of("odd@40000800", 0).segment_length, 2 * 4096);
    for (uint64_t from = 0x10000; from > 0; from -= 0x1000)
        part_of("uart@10000000", from - 1);
    part_of("shares@32345000", 0xff);
    part_of("ecam@30000000", 0);
}

/* As on the TH1520, and where Sv39 ends. */
Test(dev_registers, anywhere_in_56_bits)
{
    uint64_t address, size;
    struct registers part;

    cr_assert_eq(part_of("far@ffe7014000", 0).start, 0xffe7014000);
    cr_assert_eq(part_of("last", 0).start, 0xfffffffffff000);
    cr_assert(device_registers(&devices, find("wraps"), 0, &address, &size));
    cr_assert_eq(registers_part(&devices, address, size, 0, &part), ERR_BAD_ARG);
    cr_assert_eq(registers_part(&devices, 0x10000000, 0x100, 0x100, &part), ERR_BAD_ARG);
}

Test(dev_registers, memory_and_what_the_kernel_keeps_is_not_there)
{
    struct registers part;

    load_source(HEAD PLIC "memory@80000000 { compatible = \"m\"; reg = <0 0x80000000 0 0x1000>; }; };");
    for (unsigned i = 0; i < SLOTS; i++) {
        if (object[i].type == OBJ_UNTYPED && object[i].address == 0x80000000)
            object[i].next = object[i].address + (1ull << object[i].bits); /* so the kernel would refuse */
    }
    cr_assert_neq(registers_part(&devices, 0x80000000, 0x1000, 0, &part), ERR_OK);
}

Test(dev_registers, dev_maps_the_first_of_them_once)
{
    struct mmio region;

    cr_assert_eq(registers_map(&devices, 0x10000000, 0x10000, "u", &region), ERR_OK);
    cr_assert_eq(registers_map(&devices, 0x10000000, 0x10000, "u", &region), ERR_OK);
    cr_assert_eq(region.length, 4 * 4096);
    cr_assert_eq(mapped, 1);
}

/* A driver cannot have dev make more segments than its registers have pages. */
Test(dev_registers, whatever_is_asked_for)
{
    for (uint64_t from = 0; from < 0x10000; from += 7)
        part_of("uart@10000000", from);
    unsigned taken = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        taken += object[i].type == OBJ_ENDPOINT;
    cr_assert_eq(taken, 4);
}
