/* SPDX-License-Identifier: MIT */
/*
 * Switching between address spaces and forgetting translations.
 *
 * ASIDs are handed out in rounds. In a round each space that runs gets one of its own; when they are used up a new
 * round begins, and each hart forgets everything before it switches to a space in a round that is new to it. So a
 * hart never has translations of two spaces under one ASID. A space that a hart still runs from the last round may
 * have two ASIDs at once; therefore pages are forgotten for all ASIDs. ASID 0 is for the kernel's own tables.
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

void space_probe(void)
{
    uint64_t kept;

    csr_write(satp, kernel_satp | ((1ull << ASID_BITS) - 1) << SATP_ASID_SHIFT);
    kept = csr_read(satp) >> SATP_ASID_SHIFT & ((1ull << ASID_BITS) - 1);
    csr_write(satp, kernel_satp);
    __asm__ volatile("sfence.vma" : : : "memory");
    /* The command line can take some away: harts differ in this, and emulators have all. */
    uint64_t limit = boot_option_number("asidbits", ASID_BITS);
    for (machine.asid_bits = 0; kept >> machine.asid_bits & 1 && machine.asid_bits < limit; machine.asid_bits++) {
        continue;
    }
}

static void flush_local(void)
{
    __asm__ volatile("sfence.vma" : : : "memory");
}

/* The space's notes are kept times 2. note.spare[0] has a bit per hart that may have translations of it. */
static void note_hart(struct address_space *space, uint32_t index)
{
    space->note.spare[0] |= 2ull << index;
}

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

void arch_space_switch(struct address_space *space)
{
    struct hart *hart = hart_self();
    uint64_t satp = kernel_satp;

    hart->space = space;
    if (space) {
        note_hart(space, hart->index);
        satp = SATP_SV39 | arch_physical(space) >> PAGE_BITS;
        if (machine.asid_bits) {
            asid_assign(space);
            satp |= space->note.asid >> 1 << SATP_ASID_SHIFT;
        }
    }
    if (satp == csr_read(satp)) {
        return;
    }
    csr_write(satp, satp);
    if (machine.asid_bits == 0) {
        flush_local();
    } else if (space && hart_round[hart->index] != asid_round) {
        hart_round[hart->index] = asid_round;
        flush_local();
    }
}

/* The other harts that may have translations of the space. */
static uint64_t others(const struct address_space *space)
{
    return space->note.spare[0] >> 1 & ~(1ull << hart_self()->index);
}

void arch_space_flush_page(struct address_space *space, uint64_t address)
{
    uint64_t mask = others(space);

    /* Without ASIDs a hart may be one whose fences by address do not reach its instruction TLB (SiFive CIP-1200). */
    if (machine.asid_bits == 0) {
        flush_local();
    } else {
        __asm__ volatile("sfence.vma %0, zero" : : "r"(address) : "memory");
    }
    if (mask) {
        sbi_remote_flush(mask, machine.asid_bits ? address : 0, machine.asid_bits ? 1 << PAGE_BITS : UINT64_MAX);
    }
}

void arch_space_flush(struct address_space *space)
{
    uint64_t mask = others(space);

    flush_local();
    if (mask) {
        sbi_remote_flush(mask, 0, UINT64_MAX);
    }
}

void arch_instruction_fence(void)
{
    __asm__ volatile("fence.i" : : : "memory");
    if (hart_count > 1) {
        sbi_remote_fence_i(((1ull << hart_count) - 1) & ~(1ull << hart_self()->index));
    }
}
