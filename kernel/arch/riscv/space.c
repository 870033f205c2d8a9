/* SPDX-License-Identifier: MIT */
/*
 * Switching between address spaces and forgetting translations.
 *
 * ASIDs are handed out in rounds. In a round each space that runs gets one of its own; when they are used up
 * a new round begins, and each hart forgets everything before it switches to a space in a round that is new
 * to it. So a hart never has translations of two spaces under one ASID. A space that a hart still runs from
 * the last round may have two ASIDs at once; therefore pages are forgotten for all ASIDs. ASID 0 is for the
 * kernel's own tables.
 *
 * Other harts are interrupted only when they use the space at this moment. One that did before, or that has
 * old instructions cached, puts that right when it switches to a space the next time.
 */
#include "aspace.h"
#include "boot.h"
#include "csr.h"
#include "layout.h"
#include "machine.h"
#include "sbi.h"

#define ASID_BITS 16 /* in satp; a hart may have fewer */

static uint64_t asid_next = 1;
static uint64_t asid_round = 1;
static uint64_t hart_round[MAX_HARTS];
static uint64_t instructions_stale; /* a bit per hart that must fence its fetches before it runs a thread */

void space_probe(void)
{
    uint64_t kept;

    csr_write(satp, kernel_satp | ((1ull << ASID_BITS) - 1) << SATP_ASID_SHIFT);
    kept = csr_read(satp) >> SATP_ASID_SHIFT & ((1ull << ASID_BITS) - 1);
    csr_write(satp, kernel_satp);
    __asm__ volatile("sfence.vma" : : : "memory");
    /* The command line can take some away: harts differ in this, and emulators have all. */
    uint64_t limit = boot_option_number("asidbits", ASID_BITS);
    for (machine.asid_bits = 0; kept >> machine.asid_bits & 1 && machine.asid_bits < limit;
         machine.asid_bits++) {
        continue;
    }
}

static void flush_local(void)
{
    __asm__ volatile("sfence.vma" : : : "memory");
}

/* Bits of a space's notes about a hart: it may have translations of the space; it must forget them before it
 * uses the space again. (Notes are kept times 2.) */
#define NOTE_MAY_HAVE(index) (2ull << (index))
#define NOTE_STALE(index)    (2ull << (MAX_HARTS + (index)))

static void asid_assign(struct address_space *space)
{
    if (space->note.asid_round >> 1 == asid_round) {
        return;
    }
    if (asid_next >> machine.asid_bits) {
        asid_round++;
        asid_next = 1;
    }
    space->note.asid = asid_next++ << 1;
    space->note.asid_round = asid_round << 1;
}

/* Takes up the space on this hart; returns what goes into satp, and whether translations must be forgotten
 * then. */
static uint64_t space_enter(struct address_space *space, uint32_t index, bool *flush)
{
    uint64_t satp = SATP_SV39 | arch_physical(space) >> PAGE_BITS;

    if (space->note.spare[0] & NOTE_STALE(index)) {
        space->note.spare[0] &= ~NOTE_STALE(index);
        *flush = true;
    }
    space->note.spare[0] |= NOTE_MAY_HAVE(index);
    if (instructions_stale >> index & 1) {
        instructions_stale &= ~(1ull << index);
        __asm__ volatile("fence.i" : : : "memory");
    }
    if (machine.asid_bits) {
        asid_assign(space);
        satp |= space->note.asid >> 1 << SATP_ASID_SHIFT;
        if (hart_round[index] != asid_round) {
            hart_round[index] = asid_round;
            *flush = true;
        }
    }
    return satp;
}

void arch_space_switch(struct address_space *space)
{
    struct hart *hart = hart_self();
    uint64_t satp = kernel_satp;
    bool flush = false;

    hart->space = space;
    if (space) {
        satp = space_enter(space, hart->index, &flush);
    }
    if (satp != csr_read(satp)) {
        csr_write(satp, satp);
        flush = flush || machine.asid_bits == 0;
    }
    if (flush) {
        flush_local();
    }
}

/* The other harts that use the space at this moment. */
static uint64_t users_of(const struct address_space *space)
{
    uint64_t users = 0;

    for (uint32_t i = 0; i < hart_count; i++) {
        if (harts[i].space == space && &harts[i] != hart_self()) {
            users |= 1ull << i;
        }
    }
    return users;
}

/* The other harts that must forget translations of the space at once. Those that used it
 * before do so later. */
static uint64_t flush_others(struct address_space *space)
{
    uint64_t users = users_of(space);

    for (uint32_t i = 0; i < hart_count; i++) {
        if (space->note.spare[0] & NOTE_MAY_HAVE(i) && !(users >> i & 1) && &harts[i] != hart_self()) {
            space->note.spare[0] = (space->note.spare[0] & ~NOTE_MAY_HAVE(i)) | NOTE_STALE(i);
        }
    }
    return users;
}

void arch_space_flush_page(struct address_space *space, uint64_t address)
{
    uint64_t users = flush_others(space);

    /* Without ASIDs a hart may be one whose fences by address do not reach its instruction TLB (SiFive
     * CIP-1200). */
    if (machine.asid_bits == 0) {
        flush_local();
    } else {
        __asm__ volatile("sfence.vma %0, zero" : : "r"(address) : "memory");
    }
    if (users) {
        sbi_remote_flush(users, machine.asid_bits ? address : 0,
                         machine.asid_bits ? 1 << PAGE_BITS : UINT64_MAX);
    }
}

void arch_space_flush(struct address_space *space)
{
    uint64_t users = flush_others(space);

    flush_local();
    if (users) {
        sbi_remote_flush(users, 0, UINT64_MAX);
    }
}

void arch_instruction_fence(struct address_space *space)
{
    uint64_t users = users_of(space);

    __asm__ volatile("fence.i" : : : "memory");
    instructions_stale |= ((1ull << hart_count) - 1) & ~users & ~(1ull << hart_self()->index);
    if (users) {
        sbi_remote_fence_i(users);
    }
}
