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
 * Other harts are interrupted only when they use the space at this moment. One that did before, or that may
 * have old instructions cached, has its fast lanes closed (CLOSED_STALE) and forgets everything when the
 * general path switches the next time.
 */
#include "space.h"

#include "csr.h"
#include "layout.h"
#include "lock.h"
#include "machine.h"
#include "sbi.h"
#include "sched.h"

uint64_t kernel_satp;
struct address_space *kernel_root;
uint16_t root_used[TABLE_ENTRIES - ROOT_USER_ENTRIES];
unsigned root_used_count;

static uint64_t asid_lock; /* guards these, and the ASID of each space */
static uint64_t asid_next = 1;
static uint32_t asid_round = 1;

/* The space's ASID, a new one if it has none of this round, and the round. */
static uint64_t asid_assign(struct address_space *space, uint32_t *round)
{
    uint64_t asid;

    spin_lock(&asid_lock);
    if (space->note.asid_round >> 1 != asid_round) {
        if (asid_next >> machine.asid_bits) {
            asid_round++;
            asid_next = 1;
        }
        space->note.asid = asid_next++ << 1;
        space->note.asid_round = (uint64_t)asid_round << 1;
    }
    asid = space->note.asid >> 1;
    *round = asid_round;
    spin_unlock(&asid_lock);
    return asid;
}

/* The hart goes on in a round that is new to it: it forgets everything, and its fast lanes must not run a
 * thread whose satp is of an old one. */
static void asid_enter_round(struct hart *hart, uint32_t round)
{
    if (hart->asid_round == round)
        return;
    if (hart->asid_round)
        lanes_close(hart, CLOSED_ROUNDS | CLOSED_STALE);
    hart->asid_round = round;
}

/* A bit for each hart in a space's notes, which are kept times 2. */
static uint64_t note_bit(const struct hart *hart)
{
    return 2ull << hart->index;
}

/* What goes into satp for the thread. */
static uint64_t thread_satp(struct thread *thread)
{
    struct address_space *space = thread->slot[THREAD_SPACE].object;
    uint64_t satp = SATP_SV39 | arch_physical(space) >> PAGE_BITS;

    if (thread->asid_round == asid_round && space->note.users & note_bit(hart_self()) &&
        hart_self()->asid_round == asid_round)
        return thread->satp; /* as it was */
    if (!(space->note.users & note_bit(hart_self())))
        __atomic_fetch_or(&space->note.users, note_bit(hart_self()), __ATOMIC_SEQ_CST);
    if (machine.asid_bits) {
        satp |= asid_assign(space, &thread->asid_round) << SATP_ASID_SHIFT;
        asid_enter_round(hart_self(), thread->asid_round);
    }
    thread->satp = satp;
    return satp;
}

void arch_space_init(struct address_space *space)
{
    for (unsigned i = 0; i < root_used_count; i++)
        ((uint64_t *)space)[root_used[i]] = ((uint64_t *)kernel_root)[root_used[i]];
}

void arch_space_switch(struct thread *thread)
{
    struct hart *hart = hart_self();
    uint64_t satp = thread ? thread_satp(thread) : kernel_satp;
    bool stale = hart->closed & CLOSED_STALE;

    if (stale) {
        __asm__ volatile("fence.i" : : : "memory");
        lanes_open(hart, CLOSED_STALE);
    }
    if (satp != csr_read(satp)) {
        csr_write(satp, satp);
        stale = stale || machine.asid_bits == 0;
    }
    if (stale)
        fence_translations();
}

void arch_space_leave(const struct address_space *space)
{
    uint64_t table = csr_read(satp) & ((1ull << SATP_ASID_SHIFT) - 1);

    if (table == arch_physical(space) >> PAGE_BITS)
        arch_space_switch(NULL);
}

/* The other harts that use the space at this moment. */
static uint64_t users_of(const struct address_space *space)
{
    uint64_t users = 0;

    for (uint32_t i = 0; i < hart_count; i++) {
        const struct thread *thread = harts[i].current;

        if (thread && thread->slot[THREAD_SPACE].object == space && &harts[i] != hart_self())
            users |= 1ull << i;
    }
    return users;
}

/* The other harts that may have translations of the space, as a mask. A hart that begins to use it says so
 * first, and then looks at the tables, which have been changed before they are asked here. */
static uint64_t others(const struct address_space *space)
{
    if (hart_count == 1)
        return 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&space->note.users, __ATOMIC_RELAXED) >> 1 & ~(1ull << hart_self()->index);
}

bool arch_space_elsewhere(const struct address_space *space)
{
    return others(space);
}

/* The other harts that must forget translations of the space at once. With all locks, those that used it
 * before do so later. */
static uint64_t flush_others(struct address_space *space)
{
    uint64_t users = others(space);

    if (!users || !hart_self()->has_all)
        return users;
    users = users_of(space);
    for (uint32_t i = 0; i < hart_count; i++)
        if (space->note.users & note_bit(&harts[i]) && !(users >> i & 1) && &harts[i] != hart_self())
            lanes_close(&harts[i], CLOSED_STALE);
    return users;
}

void arch_space_forget_page(uint64_t address)
{
    if (machine.fences_whole)
        fence_translations();
    else
        __asm__ volatile("sfence.vma %0, zero" : : "r"(address) : "memory");
}

void arch_space_flush_page(struct address_space *space, uint64_t address)
{
    uint64_t users = flush_others(space);

    arch_space_forget_page(address);
    if (users) {
        sbi_remote_fence(FENCE_TRANSLATIONS, users, machine.fences_whole ? 0 : address,
                         machine.fences_whole ? UINT64_MAX : 1 << PAGE_BITS);
    }
}

void arch_space_flush(struct address_space *space)
{
    uint64_t users = flush_others(space);

    fence_translations();
    if (users)
        sbi_remote_fence(FENCE_TRANSLATIONS, users, 0, UINT64_MAX);
}

void arch_instruction_fence(struct address_space *space)
{
    uint64_t users = users_of(space);

    __asm__ volatile("fence.i" : : : "memory");
    for (uint32_t i = 0; i < hart_count; i++)
        if (!(users >> i & 1) && &harts[i] != hart_self())
            lanes_close(&harts[i], CLOSED_STALE);
    if (users)
        sbi_remote_fence(FENCE_INSTRUCTIONS, users, 0, 0);
}
