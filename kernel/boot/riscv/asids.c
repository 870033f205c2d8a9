/* SPDX-License-Identifier: MIT */
/* How many address space identifiers there are, and what is done when there are none. */
#include "asids.h"

#include "arch/riscv/csr.h"
#include "arch/riscv/machine.h"
#include "boot/boot.h"
#include "boot/riscv/text.h"

#define ASID_BITS 16 /* in satp; a hart may have fewer */

/* Makes the fast lanes forget all translations whenever they change satp: a call takes the place of each
 * instruction that does so. Lanes that asked would cost more where there are ASIDs. */
static void lanes_forget(void)
{
    extern char *const __start_satp_writes[], *const __stop_satp_writes[], satp_write_and_forget[];

    for (char *const *write = __start_satp_writes; write < __stop_satp_writes; write++)
        text_jump(*write, satp_write_and_forget, LINK_T3);
    text_changed();
}

void asids_probe(void)
{
    uint64_t kept, own = csr_read(satp);

    csr_write(satp, own | ((1ull << ASID_BITS) - 1) << SATP_ASID_SHIFT);
    kept = csr_read(satp) >> SATP_ASID_SHIFT & ((1ull << ASID_BITS) - 1);
    csr_write(satp, own);
    fence_translations();
    /* The command line can take some away: harts differ in this, and emulators have all. */
    uint64_t limit = boot_option_number("asidbits", ASID_BITS);
    for (machine.asid_bits = 0; kept >> machine.asid_bits & 1 && machine.asid_bits < limit;
         machine.asid_bits++)
        continue;
    if (machine.asid_bits == 0)
        lanes_forget();
}
