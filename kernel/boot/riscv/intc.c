/* SPDX-License-Identifier: MIT */
/* Setting up the interrupt controllers, and the incoming MSI controller of a hart (RISC-V Advanced Interrupt
 * Architecture 1.0, chapter 3). */
#include "intc.h"

#include "arch/riscv/csr.h"
#include "arch/riscv/intc.h"

#include <base/aplic.h>
#include <base/plic.h>

/* What siselect chooses for sireg. A register of bits has a number for each 32, though it holds 64. */
#define IMSIC_DELIVERY    0x70
#define IMSIC_THRESHOLD   0x72
#define IMSIC_PENDING     0x80
#define IMSIC_ENABLE      0xc0

static void imsic_write(uint64_t select, uint64_t value)
{
    csr_write(0x150, select); /* siselect */
    csr_write(0x151, value);  /* sireg */
}

/* Takes messages with the numbers of lines, of whichever controller, and the next, which other harts send. */
static void imsic_init(const struct intc *aplic)
{
    const uint64_t end = machine.intcs.lines + 1;

    for (uint64_t id = 0; id < aplic->identities; id += 64) {
        uint64_t used = end > id ? end - id : 0;
        imsic_write(IMSIC_PENDING + id / 32, 0);
        imsic_write(IMSIC_ENABLE + id / 32, used < 64 ? (1ull << used) - 1 : ~0ull);
    }
    imsic_write(IMSIC_THRESHOLD, 0);
    imsic_write(IMSIC_DELIVERY, 1);
}

static void aplic_hart_init(const struct intc *aplic, uint32_t target)
{
    bool msi = aplic->kind == INTC_APLIC_MSI;

    for (uint32_t word = 0; word < 32; word++)
        *intc_register(aplic, CLRIE + 4 * word) = ~0u;
    *intc_register(aplic, DOMAINCFG) = DOMAINCFG_ENABLE | (msi ? DOMAINCFG_MSI : 0);
    if (msi)
        return imsic_init(aplic);
    *intc_register(aplic, IDC_THRESHOLD + target * IDC_STRIDE) = 0;
    *intc_register(aplic, IDC_DELIVERY + target * IDC_STRIDE) = 1;
}

void intc_hart_is(const struct hart *hart, uint32_t candidate)
{
    machine.intcs.message[hart->index] = machine.intcs.message[candidate];
    for (unsigned i = 0; i < machine.intcs.count; i++)
        machine.intcs.intc[i].target[hart->index] = machine.intcs.intc[i].target[candidate];
}

/* Firmware may have left sources enabled. Beyond the last there may be no register. */
static void plic_hart_init(const struct intc *plic, uint32_t context)
{
    for (uint32_t source = 0; source <= plic->sources; source += 32)
        intc_put(plic, plic_enable_word(context, source), 0);
    intc_put(plic, plic_context_register(context, PLIC_THRESHOLD), 0);
}

/* The hart does this itself: when the firmware starts it, it sets the thresholds of its contexts anew. */
void intc_hart_init(void)
{
    uint64_t page = machine.intcs.message[hart_self()->index];

    hart_self()->doorbell = page ? arch_direct(page) : NULL;
    for (unsigned i = 0; i < machine.intcs.count; i++) {
        const struct intc *intc = &machine.intcs.intc[i];
        int32_t target = intc->target[hart_self()->index];
        if (target >= 0)
            (intc->kind == INTC_PLIC ? plic_hart_init : aplic_hart_init)(intc, target);
    }
}
