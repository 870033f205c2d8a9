/* SPDX-License-Identifier: MIT */
/*
 * Page tables and mappings: any world of two address spaces, capabilities to two page tables and two to one
 * or two frames of any size, mapped or not, and what every operation keeps true of it. Tables are scaled down
 * to 8 entries of a 64-byte page, with sizes that relate as the real ones do (sv39.h); a frame is an address,
 * whatever its size. References and physical addresses are looked up (space.h); that the real ones lead back
 * to what they are made of is proved in cap.c and sv39.c.
 *
 * scaled include/abi/object.h: s/^#define PAGE_BITS  .*$/#define PAGE_BITS 6/
 * scaled include/abi/object.h: s/^#define MEGAPAGE_BITS .*$/#define MEGAPAGE_BITS 9/
 * scaled include/abi/object.h: s/^#define GIGAPAGE_BITS .*$/#define GIGAPAGE_BITS 12/
 * scaled lib/base/sv39.h: s/^#define SV39_PAGE_BITS 12/#define SV39_PAGE_BITS 6/
 * scaled kernel/aspace.h: s/0x4000000000ull/0x4000ull/
 * scaled kernel/aspace.c: s/^#define LEVEL_BITS 9/#define LEVEL_BITS 3/
 * scaled kernel/aspace.c: s/arch_granule_base + pte_physical(\*entry)/table_named(pte_physical(*entry))/
 * scaled kernel/aspace.c: s/(char \*)slot->object - arch_granule_base/place_of(slot->object)/
 * scaled kernel/cap.h: s/return object ? (granule).*$/return number_of(object);/
 * scaled kernel/cap.h: s/return arch_granule_base + ((uint64_t)ref .*$/return slot_named(ref);/
 * scaled kernel/object.h: s/^#define ROOT_USER_ENTRIES 256/#define ROOT_USER_ENTRIES 4/
 * scaled kernel/object.h: s/^#define ROOT_NOTE_FIRST   500/#define ROOT_NOTE_FIRST 8/
 * scaled kernel/object.h: s/kernel_entry.512 - /kernel_entry[16 - /
 * scaled kernel/object.h: s/sizeof(struct address_space) == 4096/sizeof(struct address_space) == 128/
 */
#include "proof.h"

static uint64_t place_of(const void *object);
static void *table_named(uint64_t place);
static uint32_t number_of(const void *slot);
static void *slot_named(uint32_t ref);

#include "kernel/aspace.c"

#include "locks.h"
#include "space.h"

static struct address_space *flushed, *fenced;
static uint64_t flushed_page;
static bool failed;

void arch_space_flush_page(struct address_space *space, uint64_t address)
{
    flushed = space;
    flushed_page = address;
}
void arch_space_flush(struct address_space *space)
{
    flushed = space;
}
void arch_instruction_fence(struct address_space *space)
{
    fenced = space;
}
uint64_t arch_physical(const void *direct)
{
    return place_of(direct);
}
int fail(struct thread *by, enum error error, unsigned n, uint64_t hint)
{
    (void)by, (void)n, (void)hint;
    CHECK(error, "failure: its cause is told");
    failed = true;
    return OUTCOME_SILENT;
}
int fail_cap(struct thread *by, unsigned n, enum object_type type, const struct slot *slot)
{
    (void)type, (void)slot;
    return fail(by, ERR_BAD_ARG, n, 0);
}
int answer_words(struct thread *by, const uint64_t *words, unsigned count)
{
    (void)by, (void)words;
    return count;
}

/* The real one is proved in untyped.c; tables are cleared whole, and roots in their user half. */
void granules_clear(void *at, uint64_t bytes)
{
    for (unsigned t = 0; t < 2; t++)
        for (unsigned i = 0; i < ENTRIES && at == table_at[t]; i++)
            table_at[t][i] = 0;
    for (unsigned i = 0; i < ROOT_USER_ENTRIES; i++) {
        if (at == &space_a)
            space_a.entry[i] = 0;
        if (at == &space_b)
            space_b.entry[i] = 0;
    }
    CHECK(bytes == (at == &space_a || at == &space_b ? ROOT_USER_ENTRIES * 8 : 1 << PAGE_BITS),
          "mapping: all of a table is cleared, and of a root the user's half");
}

/*
 * proof space_generator: any world (what the generator of the other proofs makes is as it must be)
 * options: --unwind 9
 * planted kernel/aspace.c: s/place_of(slot->object), bits);/place_of(slot->object), bits | slot->type);/
 */
void prove_space_generator(void)
{
    any_world();
    check_entries();
    check_lists();
}

/*
 * proof table_map: any world, either table, any space and address
 * options: --unwind 9
 * planted kernel/aspace.c: s/^    if (slot->flags & SLOT_STALE)/    if (false)/
 * planted kernel/aspace.c: s/if (bits == PAGE_BITS || \*entry & PTE_V)/if (bits == PAGE_BITS)/
 * planted kernel/aspace.c: s/^    __atomic_store_n(entry, slot_pte(slot, PTE_V), .*$/    entry[0] = entry[1] = slot_pte(slot, PTE_V);/
 */
void prove_table_map(void)
{
    unsigned which = any_below(2), level = 0, found;
    struct address_space *space = nondet_bool() ? &space_a : &space_b;
    uint64_t address = nondet_u64(), *entry, before;
    bool mapped;

    any_world();
    watch_any_entry();
    mapped = slot_at[which]->space != NULL;
    entry = hardware_walk(space, address >> PAGE_BITS & (PAGES - 1), &found);
    before = *entry;
    if (table_map(slot_at[which], space, address, &level)) {
        CHECK(*witness == witness_before, "failure: nothing is mapped");
        check_lists();
        return;
    }
    CHECK(address < USER_END && !mapped, "mapping: in the user's half, and in one place only");
    CHECK(before == 0 && level == found && level > 0, "mapping: only where nothing was");
    CHECK(witness == entry ? *witness == slot_pte(slot_at[which], PTE_V)
                           : witness_in == table_at[which] || *witness == witness_before,
          "mapping: exactly one entry is entered");
    CHECK(witness_in != table_at[which] || *witness == 0, "mapping: a table is empty when it is mapped");
    check_entries();
    check_lists();
}

/* A call of FRAME_MAP with any arguments, by a thread with a CSpace of two slots. */
static struct slot cspace[2];
static struct thread thread;

static void any_call(void)
{
    cspace[1].type = any_below(OBJ_TYPE_COUNT);
    cspace[1].rights = nondet_u8();
    cspace[1].object = nondet_bool() ? &space_a : &space_b;
    thread.slot[THREAD_CSPACE] =
        (struct slot){.object = cspace, .type = OBJ_CNODE, .size_bits = CNODE_MIN_BITS};
    for (unsigned i = 0; i < 3; i++)
        thread.reg[word_register[i]] = nondet_u64();
    thread.reg[REG_A0 + 1] = nondet_u64();
}

/*
 * proof frame_map: any world, either frame, any arguments
 * options: --unwind 9
 * planted kernel/aspace.c: s/^    if (rights & ~(uint64_t)slot->rights)/    if (false)/
 * planted kernel/aspace.c: s/ || !(POSSIBLE_RIGHTS >> rights & 1))/)/
 * planted kernel/aspace.c: s/if (\*entry & PTE_V || bits < slot->size_bits)/if (bits < slot->size_bits)/
 * planted kernel/aspace.c: s/struct address_space \*nowhere = NULL;/struct address_space *nowhere = slot->space;/
 * planted kernel/aspace.c: s/^    if (address & ((1ull << slot->size_bits) - 1))/    if (false)/
 * planted kernel/aspace.c: s/^    if (bits > slot->size_bits)/    if (false)/
 * planted kernel/aspace.c: s/mapped += 2ull/mapped += 1ull/
 * planted kernel/aspace.c: /refused = frame_map/,/if (refused)/s/^    spin_unlock.*$/    ;/
 */
void prove_frame_map(void)
{
    struct slot *slot = nondet_bool() ? slot_at[2] : slot_at[3];
    struct address_space *space;
    uint64_t address, rights, *entry, before;
    unsigned level;
    bool mapped;
    int outcome;

    any_world();
    any_call();
    watch_any_entry();
    space = cspace[1].object;
    address = arg(&thread, 2);
    rights = arg(&thread, 3);
    mapped = slot->space != NULL;
    entry = hardware_walk(space, address >> PAGE_BITS & (PAGES - 1), &level);
    before = *entry;
    outcome = op_FRAME_MAP(&thread, slot);
    CHECK(failed == (outcome != 0), "failure: its cause is told");
    if (outcome != 0) {
        CHECK(*witness == witness_before && (slot->space != NULL) == mapped, "failure: nothing is mapped");
        check_lists();
        return;
    }
    CHECK(cspace[1].type == OBJ_ADDRESS_SPACE && cspace[1].rights & RIGHT_CONTROL,
          "rights: only who may change the space maps in it");
    CHECK(address < USER_END && !mapped, "mapping: in the user's half, and in one place only");
    CHECK(before == 0 && slot->size_bits == PAGE_BITS + level * LEVEL_BITS,
          "mapping: only where nothing was");
    CHECK(*witness == (witness == entry ? slot_pte(slot, LEAF_BITS | rights << 1) : witness_before),
          "mapping: exactly one entry is entered");
    CHECK(!(rights & RIGHT_EXEC) || fenced == space, "mapping: what is to be executed is seen by all harts");
    check_entries();
    check_lists();
}

/* What holds when a capability that was mapped in `space` was unmapped. */
static void check_unmapped(const struct slot *slot, const struct address_space *space, uint64_t bits)
{
    CHECK(!slot->space, "mapping: what is unmapped is mapped nowhere");
    CHECK(*witness == witness_before ||
              (*witness == 0 && (witness_before | LEAF_RIGHTS) == slot_pte(slot, bits | LEAF_RIGHTS)),
          "mapping: no entry is changed but its own");
    CHECK(*witness == witness_before || witness_in == space ||
              (witness_in != &space_a && witness_in != &space_b),
          "mapping: other spaces stay as they were");
    CHECK(flushed == space, "mapping: no hart remembers what is unmapped");
    check_entries();
    check_lists();
}

/*
 * proof frame_unmap: any world, a frame
 * options: --unwind 9
 * planted kernel/aspace.c: s/^    if ((\*entry | LEAF_RIGHTS) == .*$/    if (true)/
 * planted kernel/aspace.c: s/= (uint64_t)next << 1;/= 0;/
 * planted kernel/aspace.c: s/^        arch_space_flush_page(space, address);/        ;/
 */
void prove_frame_unmap(void)
{
    struct slot *slot = slot_at[2];
    struct address_space *space;
    uint64_t address, *entry;
    unsigned level;

    any_world();
    watch_any_entry();
    space = slot->space;
    address = (uint64_t)slot->page << PAGE_BITS;
    entry = hardware_walk(space == &space_a ? &space_a : &space_b, slot->page, &level);
    slot_unmap(slot);
    CHECK(*witness == witness_before || witness == entry, "mapping: no entry is changed but its own");
    CHECK(!space || slot->size_bits != PAGE_BITS || flushed_page == address,
          "mapping: no hart remembers what is unmapped");
    check_unmapped(slot, space, LEAF_BITS);
}

/*
 * proof table_unmap: any world, either table
 * options: --unwind 9
 * planted kernel/aspace.c: s/lowest <= GIGAPAGE_BITS;/lowest < GIGAPAGE_BITS;/
 * planted kernel/aspace.c: s/^        if (\*entry == slot_pte(slot, PTE_V)) {/        if (*entry) {/
 */
void prove_table_unmap(void)
{
    struct address_space *space;

    any_world();
    watch_any_entry();
    if (nondet_bool()) {
        space = slot_at[0]->space;
        slot_unmap(slot_at[0]);
        check_unmapped(slot_at[0], space, PTE_V);
    } else {
        space = slot_at[1]->space;
        slot_unmap(slot_at[1]);
        check_unmapped(slot_at[1], space, PTE_V);
    }
}

/*
 * proof mapping_moved: any world, any of two capabilities that is moved to an empty slot
 * options: --unwind 9
 * planted kernel/aspace.c: s/^    if (from->space)/    if (from->map_prev)/
 */
void prove_mapping_moved(void)
{
    struct slot *from = nondet_bool() ? slot_at[0] : slot_at[2];

    any_world();
    ASSUME(slot_at[2]->object == frame_0 && !slot_at[3]->space);
    slot_3 = *from;
    mapping_moved(from, slot_at[3]);
    *from = (struct slot){0};
    check_lists();
}

/*
 * proof space_unmap: any world, one of the spaces dies; all steps
 * options: --unwind 9
 * planted kernel/aspace.c: s/(space->entry, ROOT_USER_ENTRIES/(space->entry, 2 * ROOT_USER_ENTRIES/
 * planted kernel/aspace.c: s/^    granules_clear(space->entry, ROOT_USER_ENTRIES.*$/    ;/
 * planted kernel/aspace.c: s/^        mapping_remove(mapping_at.*$/        space->note.maps = 0;/
 */
void prove_space_unmap(void)
{
    unsigned turns = 0;

    any_world();
    watch_any_entry();
    space_unmap_all(&space_a);
    CHECK(flushed == &space_a, "mapping: no hart remembers what is unmapped");
    for (unsigned i = 0; i < ROOT_USER_ENTRIES; i++)
        CHECK(space_a.entry[i] == 0, "mapping: nothing leads anywhere from a space that dies");
    CHECK(witness_in == &space_a ? witness < space_a.entry + ROOT_USER_ENTRIES || *witness == witness_before
                                 : *witness == witness_before,
          "mapping: other spaces stay as they were");
    while (space_unmap_step(&space_a))
        turns++;
    CHECK(turns <= 3 && !space_a.note.maps, "mapping: one thing goes in each step");
    for (unsigned i = 0; i < 4; i++)
        CHECK(slot_at[i]->space != &space_a, "mapping: nothing names a space that is gone");
    check_list(&space_b);
}

/*
 * proof space_allows: any world, any space, address and access
 * options: --unwind 9
 * planted kernel/aspace.c: s/ \&\& !(leaf_rights(access) & ~entry);/;/
 * planted kernel/aspace.c: s/^        return false;/        return true;/
 */
void prove_space_allows(void)
{
    struct address_space *space = nondet_bool() ? &space_a : &space_b;
    uint64_t address = nondet_u64(), entry;
    unsigned access = 1u << any_below(3), level;
    bool allows;

    any_world();
    allows = space_allows(space, address, access);
    CHECK(!allows || address < USER_END, "mapping: the user's half only");
    entry = *hardware_walk(space, address >> PAGE_BITS & (PAGES - 1), &level);
    CHECK(address >= USER_END || allows == (entry & PTE_V && entry & access << 1),
          "rights: the kernel allows what the hardware does");
}
