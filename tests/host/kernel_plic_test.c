/* SPDX-License-Identifier: MIT */
/* The kernel's driver of PLICs against a model of one whose gateways lose an edge that comes between claim
 * and completion, as those of Andes' NCEPLIC100 and of T-Head's C900 do. */
// flags: -iquote kernel -iquote kernel/arch/riscv
#include "../../kernel/arch/riscv/csr.h"
#include "../../kernel/arch/riscv/intc.h"
#include <criterion/criterion.h>

static uint32_t model_get(const struct intc *plic, uint64_t offset);
static void model_put(const struct intc *plic, uint64_t offset, uint32_t value);
#undef csr_write
#define csr_write(name, value) ((void)(value)) /* of IMSICs only */
#define intc_get model_get
#define intc_put model_put
#include "../../kernel/arch/riscv/intc.c"
#include "../../kernel/boot/riscv/intc.c"

#define SOURCES 69 /* of the FU740: the last word of enable bits is the third */
#define CONTEXT 2
#define EDGE    11
#define LEVEL   40

struct machine machine;
struct hart harts[MAX_HARTS];
uint32_t hart_count = 1;

static struct {
    bool enabled[SOURCES + 1], pending[SOURCES + 1], in_service[SOURCES + 1], level[SOURCES + 1];
    uint32_t threshold, priority[SOURCES + 1];
} plic;

/* --- What intc.c needs and a PLIC has not --- */

struct hart *hart_self(void)
{
    return &harts[0];
}

void *arch_direct(uint64_t physical)
{
    cr_assert_fail("registers at 0x%llx are reached otherwise", (unsigned long long)physical);
    return NULL;
}

void aplic_configure(const struct intc *aplic, uint32_t source, uint64_t trigger)
{
    cr_assert_fail("no APLIC: %p %u %u", (const void *)aplic, source, (unsigned)trigger);
}

void aplic_enable(const struct intc *aplic, uint32_t source, uint32_t target)
{
    cr_assert_fail("no APLIC: %p %u %u", (const void *)aplic, source, target);
}

void aplic_disable(const struct intc *aplic, uint32_t source)
{
    cr_assert_fail("no APLIC: %p %u", (const void *)aplic, source);
}

void aplic_set_priority(const struct intc *aplic, uint32_t source, uint32_t priority)
{
    cr_assert_fail("no APLIC: %p %u %u", (const void *)aplic, source, priority);
}

uint32_t aplic_claim(uint32_t hart)
{
    (void)hart;
    return 0;
}

uint32_t imsic_claim(void)
{
    return 0;
}

void aplic_complete(const struct intc *aplic, uint32_t source)
{
    cr_assert_fail("no APLIC: %p %u", (const void *)aplic, source);
}

/* --- The model --- */

static uint32_t enable_bits(uint64_t word)
{
    uint32_t bits = 0;

    for (uint32_t n = 0; n < 32 && word * 32 + n <= SOURCES; n++)
        bits |= (uint32_t)plic.enabled[word * 32 + n] << n;
    return bits;
}

static void set_enable_bits(uint64_t word, uint32_t bits)
{
    cr_assert_leq(word * 32, SOURCES, "there is no such register");
    for (uint32_t n = 0; n < 32 && word * 32 + n <= SOURCES; n++)
        plic.enabled[word * 32 + n] = bits >> n & 1;
}

static uint32_t claim(void)
{
    for (uint32_t n = 1; n <= SOURCES; n++) {
        if (plic.enabled[n] && plic.pending[n]) {
            plic.pending[n] = false;
            plic.in_service[n] = true;
            return n;
        }
    }
    return 0;
}

/* Ignored when the source is not enabled. */
static void complete(uint32_t source)
{
    if (source == 0 || source > SOURCES || !plic.enabled[source])
        return;
    plic.in_service[source] = false;
    plic.pending[source] |= plic.level[source];
}

static uint64_t enable_offset(uint64_t offset)
{
    return offset - 0x2000 - 0x80 * CONTEXT;
}

static uint32_t model_get(const struct intc *intc, uint64_t offset)
{
    cr_assert_eq(intc, &machine.intcs.intc[0]);
    if (enable_offset(offset) < 0x80)
        return enable_bits(enable_offset(offset) / 4);
    cr_assert_eq(offset, 0x200000 + 0x1000 * CONTEXT + 4, "register 0x%llx", (unsigned long long)offset);
    return claim();
}

static void model_put(const struct intc *intc, uint64_t offset, uint32_t value)
{
    cr_assert_eq(intc, &machine.intcs.intc[0]);
    if (enable_offset(offset) < 0x80)
        set_enable_bits(enable_offset(offset) / 4, value);
    else if (offset < 0x1000)
        plic.priority[offset / 4] = value;
    else if (offset == 0x200000 + 0x1000 * CONTEXT)
        plic.threshold = value;
    else if (offset == 0x200000 + 0x1000 * CONTEXT + 4)
        complete(value);
    else
        cr_assert_fail("register 0x%llx", (unsigned long long)offset);
}

static void edge(uint32_t source)
{
    plic.pending[source] |= !plic.in_service[source];
}

static void level(uint32_t source, bool active)
{
    plic.level[source] = active;
    plic.pending[source] |= active && !plic.in_service[source];
}

static void set_up(void)
{
    struct intc *intc = &machine.intcs.intc[0];

    *intc = (struct intc){.kind = INTC_PLIC, .size = 0x4000000, .sources = SOURCES, .cells = 2};
    memset(intc->target, 0xff, sizeof(intc->target));
    intc->target[0] = CONTEXT;
    machine.intcs.count = 1;
    machine.intcs.lines = SOURCES + 1;
    memset(plic.enabled, true, sizeof(plic.enabled)); /* by the firmware */
    intc_hart_init();
    cr_assert(arch_irq_configure(EDGE, IRQ_TRIGGER_RISING));
    cr_assert(arch_irq_configure(LEVEL, IRQ_TRIGGER_HIGH));
    arch_irq_enable(EDGE, &harts[0]);
    arch_irq_enable(LEVEL, &harts[0]);
}

TestSuite(kernel_plic, .init = set_up);

/* Words of enable bits that no source has are not touched: the model would say so. */
Test(kernel_plic, what_firmware_left_enabled_is_not)
{
    for (uint32_t n = 1; n <= SOURCES; n++)
        cr_assert_eq(plic.enabled[n], n == EDGE || n == LEVEL);
}

Test(kernel_plic, a_level_is_silent_until_it_is_acknowledged)
{
    level(LEVEL, true);
    cr_assert_eq(arch_irq_claim(), LEVEL);
    cr_assert_eq(arch_irq_claim(), 0);
    cr_assert(plic.in_service[LEVEL]);
    arch_irq_complete(LEVEL);
    cr_assert_eq(arch_irq_claim(), LEVEL, "it is still active");
    level(LEVEL, false);
    arch_irq_complete(LEVEL);
    cr_assert_eq(arch_irq_claim(), 0);
}

Test(kernel_plic, an_edge_while_the_driver_works_is_not_lost)
{
    edge(EDGE);
    cr_assert_eq(arch_irq_claim(), EDGE);
    edge(EDGE);
    cr_assert_eq(arch_irq_claim(), 0, "silent until it is acknowledged");
    arch_irq_complete(EDGE);
    cr_assert_eq(arch_irq_claim(), EDGE);
    arch_irq_complete(EDGE);
    cr_assert_eq(arch_irq_claim(), 0);
}

Test(kernel_plic, a_line_that_is_disabled_works_for_the_next_driver)
{
    static const uint32_t line[] = {EDGE, LEVEL};

    for (unsigned i = 0; i < 2; i++) {
        edge(line[i]);
        cr_assert_eq(arch_irq_claim(), line[i]);
        arch_irq_disable(line[i]);
        cr_assert_not(plic.enabled[line[i]]);
        cr_assert_not(plic.in_service[line[i]]);
        arch_irq_complete(line[i]);
        cr_assert_not(plic.enabled[line[i]], "nobody has it");
        arch_irq_enable(line[i], &harts[0]);
        edge(line[i]);
        cr_assert_eq(arch_irq_claim(), line[i]);
    }
}
