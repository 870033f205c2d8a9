/* SPDX-License-Identifier: MIT */
/* Making objects from memory: whatever is asked for, new objects lie inside their memory, behind all that
 * were made before, aligned, beside each other, and cleared. */
#include "proof.h"

#include "kernel/syscall.c"
#include "kernel/untyped.c"

#include "locks.h"

#define MEMORY 256
#define SLOTS  4

static char memory[MEMORY];
static unsigned watched; /* any byte of it, */
static bool dirty;       /* which is not zero */
char *const arch_granule_base = memory;
static struct slot cnode[SLOTS];
static struct thread thread;
static struct slot untyped;
static struct slot *made[SLOTS]; /* in the order in which they were made */
static unsigned made_count;
static bool reap_due;
uint64_t tree_lock;

/* The registers keep the arguments here, so that they can be looked at afterwards. */
void thread_result(struct thread *to, uint64_t badge, uint64_t tag, const uint64_t *words, unsigned count)
{
    CHECK(to == &thread && badge == 0 && tag_label(tag) && words && count == 2,
          "failure: its cause is told");
}

bool pause_is_due(void)
{
    return nondet_bool();
}
bool reap_is_due(void)
{
    return reap_due;
}
bool reap(void)
{
    return nondet_bool();
}
void arch_space_init(struct address_space *space)
{
    (void)space;
}
uint64_t arch_physical(const void *direct)
{
    return (const char *)direct - memory;
}

/* The real one is proved in granules.c. */
void granules_clear(void *at, uint64_t bytes)
{
    uint64_t from = (char *)at - memory;

    CHECK((char *)at >= memory && from <= MEMORY && bytes <= MEMORY - from,
          "objects: exactly they are cleared");
    if (from <= watched && watched < from + bytes)
        dirty = false;
}

/* The real one is proved in cap.c. */
void slot_make_child(struct slot *parent, struct slot *to, enum object_type type, void *object,
                     uint8_t size_bits)
{
    CHECK(parent == &untyped && slot_is_empty(to), "objects: they get empty slots");
    CHECK(own_hart.current == &thread, "locks: a call ends when its thread was taken off the hart");
    to->object = object;
    to->type = type;
    to->size_bits = size_bits;
    if (made_count < SLOTS)
        made[made_count++] = to;
}

/* While memory is cleared without a lock, others fill slots, and may take the thread off the hart. */
void unlock(void)
{
    check_given_back(tree_lock);
}
void lock_own(void)
{
    for (unsigned i = 1; i < SLOTS; i++)
        if (nondet_bool())
            cnode[i].type = OBJ_ENDPOINT;
    if (nondet_bool())
        own_hart.current = NULL;
}

/* Any call with six words; the CSpace is a CNode of 4 slots, some of them full. */
static void any_call(void)
{
    for (unsigned i = 1; i < SLOTS; i++)
        cnode[i].type = nondet_bool() ? OBJ_NULL : OBJ_ENDPOINT;
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread.reg[word_register[i]] = nondet_u64();
    thread.slot[THREAD_CSPACE] =
        (struct slot){.object = cnode, .type = OBJ_CNODE, .rights = nondet_u8(), .size_bits = 8};
    thread.reg[REG_A0 + 1] = nondet_u64();
    own_hart.current = &thread;
    any_locks();
}

/* Any untyped of that size: `used` bytes of it were given away, all that was made lies in them. */
static void any_untyped(unsigned size_bits)
{
    untyped = (struct slot){.object = memory,
                            .type = OBJ_UNTYPED,
                            .rights = RIGHTS_ALL,
                            .size_bits = size_bits,
                            .used = nondet_u64(),
                            .flags = nondet_u8(),
                            .child = nondet_bool() ? &cnode[3] : NULL};
    ASSUME(untyped.used <= 1ull << size_bits);
}

/*
 * proof object_bits: all types and sizes
 * options: --unwind 2 --no-sat-preprocessor
 * planted kernel/untyped.c: s/return size_bits < 64 \&\& possible_bits/return possible_bits/
 * planted kernel/untyped.c: s/^    if (type >= OBJ_TYPE_COUNT)/    if (type > OBJ_TYPE_COUNT)/
 */
void prove_object_bits(void)
{
    uint64_t type = nondet_u64(), size_bits = nondet_u64();
    unsigned bits = object_bits(type, size_bits);

    CHECK(bits <= UNTYPED_MAX_BITS && (bits == 0 || bits >= SLOT_BITS), "objects: sizes are whole granules");
    CHECK(bits == 0 || (type < OBJ_IRQ_HANDLER && type != OBJ_NULL),
          "objects: only some types are made of memory");
    CHECK(bits == 0 || type != OBJ_CNODE || (bits >= CNODE_MIN_BITS && bits <= CNODE_MAX_BITS),
          "objects: CNode sizes");
    CHECK(bits == 0 || type != OBJ_FRAME || bits == 12 || bits == 21 || bits == 30, "objects: frame sizes");
    CHECK(bits == 0 || type == OBJ_UNTYPED || type == OBJ_CNODE || type == OBJ_FRAME ||
              bits == object_bits(type, 0),
          "objects: other types have one size");
}

/*
 * proof find_memory: any untyped of 64 bytes to 256 GiB, any use, objects of any size, any number and offset
 * options: --unwind 9 --unsigned-overflow-check
 * planted kernel/untyped.c: s/if (offset \&\& (offset < used || offset/if (offset \&\& (offset/
 * planted kernel/untyped.c: s/retype->count > (size - retype->start) >> retype->size_bits/retype->count > size >> retype->size_bits/
 */
void prove_find_memory(void)
{
    struct retype retype = {.size_bits = object_bits(nondet_u64(), nondet_u64()), .count = nondet_u64()};

    any_call();
    any_untyped(UNTYPED_MIN_BITS + any_below(UNTYPED_MAX_BITS - UNTYPED_MIN_BITS + 1));
    ASSUME(retype.size_bits && retype.count >= 1 && retype.count <= MAX_COUNT);
    if (find_memory(&thread, &untyped, &retype) != 0)
        return;
    CHECK(retype.start >= bytes_used(&untyped), "overlap: behind everything that was made before");
    CHECK(retype.end <= 1ull << untyped.size_bits && retype.start <= retype.end,
          "overlap: inside the memory");
    CHECK((retype.end - retype.start) >> retype.size_bits == retype.count, "overlap: room for all of them");
    CHECK((retype.start & ((1ull << retype.size_bits) - 1)) == 0, "objects: aligned to their size");
    CHECK(arg(&thread, 6) == 0 || retype.start == arg(&thread, 6),
          "objects: at the offset that was asked for");
}

/*
 * proof find_slots: any arguments, a CSpace of 4 slots of which any are full
 * options: --unwind 9
 * planted kernel/untyped.c: s/if (first == 0 || !range_inside/if (!range_inside/
 * planted kernel/untyped.c: s/!range_inside(first, retype->count, cnode_slots(cnode))/first >= cnode_slots(cnode)/
 */
void prove_find_slots(void)
{
    struct retype retype = {.count = nondet_u64()};

    any_call();
    ASSUME(retype.count >= 1 && retype.count <= MAX_COUNT);
    if (find_slots(&thread, &retype) != 0)
        return;
    CHECK(retype.slots > cnode && retype.slots + retype.count <= cnode + SLOTS,
          "objects: the slots are in the CNode");
    for (unsigned i = 0; i < SLOTS; i++)
        CHECK(i >= retype.count || slot_is_empty(&retype.slots[i]), "objects: they get empty slots");
}

/*
 * proof retype: an untyped of 256 bytes with any use and contents, a CSpace of 4 slots, any arguments
 * options: --unwind 9 --unwindset clear_memory.0:2,find_slots.0:5
 *   --unwindset prove_retype.0:5,make_objects.0:5,op_UNTYPED_RETYPE.0:3
 * planted kernel/untyped.c: s/retype->start + (i << retype->size_bits);/retype->start + i * 32;/
 * planted kernel/untyped.c: s/^    untyped->used = retype->end;/    untyped->used = retype->start;/
 * planted kernel/untyped.c: s/^    if (retype->type == OBJ_UNTYPED || .*$/    if (true)/
 * planted kernel/untyped.c: s/} else if (untyped->flags & SLOT_RAISED) {/} else if (false) {/
 * planted kernel/untyped.c: s/if (reap_is_due()) {/if (false) {/
 * planted kernel/untyped.c: s/^    if (hart_self()->current != by)/    if (false)/
 * planted kernel/untyped.c: s/^        spin_unlock(&tree_lock);/        ;/
 */
void prove_retype(void)
{
    uint64_t used;
    bool unused;
    int outcome;

    any_call();
    any_untyped(8);
    ASSUME(!untyped.cleared); /* no interrupted call before */
    untyped.page = 0;
    reap_due = nondet_bool();
    used = bytes_used(&untyped);
    unused = is_unused(&untyped);
    watched = any_below(MEMORY);
    dirty = true;
    outcome = op_UNTYPED_RETYPE(&thread, &untyped);
    check_given_back(tree_lock);
    if (outcome != 0) {
        CHECK(made_count == 0, "objects: none is made when the call fails");
        return;
    }
    CHECK(!(untyped.flags & SLOT_RAISED), "tree: nothing new below memory that is being taken apart");
    CHECK(!reap_due || !unused, "overlap: memory is not used again before all in it is taken apart");
    for (unsigned i = 0; i < SLOTS && i < made_count; i++) {
        uint64_t at = (char *)made[i]->object - memory, size = 1ull << made[i]->size_bits;

        CHECK(at >= used && at + size <= untyped.used && untyped.used <= MEMORY,
              "overlap: behind all made before");
        CHECK(i == 0 || (char *)made[i]->object >= (char *)made[i - 1]->object + size,
              "overlap: beside each other");
        CHECK(made[i]->type == OBJ_UNTYPED || untyped.flags & SLOT_DEVICE || watched < at ||
                  watched >= at + size || !dirty,
              "objects: exactly they are cleared");
    }
}
