/* SPDX-License-Identifier: MIT */
/*
 * Tries to reach what is the kernel's: its addresses, its registers, memory that became kernel objects,
 * page tables. Every try must end in a fault, at the address that was tried, and with the machine as it
 * was.
 */
#include "../guest/probe.h"

#include <abi/fault.h>
#include <stdio.h>
#include <string.h>

/* The kernel's half of the address space (kernel/arch/riscv/layout.h is not for users, so it is spelled out
 * here). */
#define USER_END    0x4000000000ull
#define KERNEL_HALF 0xffffffc000000000ull
#define IMAGE       0xffffffff80200000ull
#define IMAGE_BYTES 0x200000ull
#define RAM         0x80000000ull
#define GIB         (1ull << 30)
#define CODE        (GUEST_MAP + 0x10000)
#define TRY         (GUEST_MAP + 0x400000) /* pages that come and go; a page table of their own */

static struct worker worker;

struct sweep {
    unsigned tries;
    unsigned wrong;
    uint64_t address; /* of the first that went wrong */
    const char *how;
};

/* The fault tells the address, of which the bits above 39 need not be right when they are not canonical,
 * and bit 0 of a jump need not be kept: harts differ. */
static bool refused(const struct outcome *outcome, uint64_t access, uint64_t address)
{
    uint64_t told = outcome->word[0], canonical = (uint64_t)((int64_t)(address << 25) >> 25);

    return probe_refused(outcome, access, told) &&
           ((told | 1) == (address | 1) || (told | 1) == (canonical | 1));
}

static void try_address(struct sweep *sweep, uint64_t address)
{
    static const struct {
        const char *code, *name;
        uint64_t access;
    } way[] = {{probe_load, "read", RIGHT_READ},
               {probe_store, "write", RIGHT_WRITE},
               {probe_jump, "jump", RIGHT_EXEC}};

    for (unsigned i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
        struct outcome outcome = probe(&worker, way[i].code, address);
        sweep->tries++;
        if (!refused(&outcome, way[i].access, address) && sweep->wrong++ == 0) {
            sweep->address = address;
            sweep->how = way[i].name;
            printf("  %s at %lx: %s, fault address %lx, access %lu\n", way[i].name, address,
                   fault_name(&outcome), outcome.word[0], outcome.word[2]);
        }
    }
}

static void swept(const struct sweep *sweep, const char *name)
{
    if (sweep->wrong)
        verdict(false, name, "%u of %u tries did not fault, the first to %s at %lx", sweep->wrong,
                sweep->tries, sweep->how, sweep->address);
    else
        verdict(true, name, "%u tries", sweep->tries);
}

/* --- Addresses --- */

/* Each GiB of the kernel's half, whose root entries hold tables, nothing, or notes about the address space.
 */
static void root_entries(void)
{
    struct sweep sweep = {0};

    for (uint64_t at = KERNEL_HALF; at != 0; at += GIB)
        for (uint64_t in = 0; in < GIB; in += GIB / 4)
            try_address(&sweep, at + in + (in ? 0x1008 : 0));
    try_address(&sweep, ~0ull << 3);
    swept(&sweep, "root_entries");
}

/* Every page of the image, and with it text, data, page tables, the stacks of all harts and their guard
 * pages. */
static void image(void)
{
    struct sweep sweep = {0};

    for (uint64_t at = 0; at < IMAGE_BYTES; at += PAGE_BYTES)
        try_address(&sweep, IMAGE + at + at / 8 % PAGE_BYTES / 8 * 8);
    swept(&sweep, "image");
}

/* Memory where the kernel reaches it, and where it is physically. */
static void direct_map(void)
{
    struct sweep sweep = {0};
    uint64_t info[4];

    for (uint64_t at = 0; at < rt_boot->ram_bytes; at += 8 << 20) {
        try_address(&sweep, KERNEL_HALF + RAM + at);
        try_address(&sweep, RAM + at);
    }
    /* The own root table's neighbours: what init is made of lies close to its message page. */
    must(kernel_call(BOOT_MSG_FRAME, OP_FRAME_INFO, NULL, 0, info, 4), "ask a frame");
    for (uint64_t at = info[3] - 64 * PAGE_BYTES; at < info[3] + 64 * PAGE_BYTES; at += PAGE_BYTES)
        try_address(&sweep, KERNEL_HALF + at);
    swept(&sweep, "direct_map");
}

static void not_canonical(void)
{
    struct sweep sweep = {0};

    for (unsigned bit = 38; bit < 64; bit++) {
        try_address(&sweep, 1ull << bit);
        try_address(&sweep, (1ull << bit) + (uint64_t)TRY);
        try_address(&sweep, ~(1ull << bit) & ~7ull);
        try_address(&sweep, (1ull << bit) ^ (IMAGE + 0x1000));
    }
    try_address(&sweep, USER_END);
    try_address(&sweep, KERNEL_HALF - 8);
    swept(&sweep, "not_canonical");
}

/* A thread may be started anywhere; it gets nowhere. */
static void program_counters(void)
{
    static const uint64_t pc[] = {
        IMAGE, IMAGE + 0x1000, KERNEL_HALF + RAM, USER_END, 1ull << 63, ~0ull, 0, 1ull << 38, ~1ull, RAM};
    unsigned wrong = 0;

    for (unsigned i = 0; i < sizeof(pc) / sizeof(pc[0]); i++) {
        struct outcome outcome = probe(&worker, (const void *)pc[i], 0);
        if (!refused(&outcome, RIGHT_EXEC, pc[i]) && wrong++ == 0)
            printf("  start at %lx: %s at %lx\n", pc[i], fault_name(&outcome), outcome.word[0]);
    }
    verdict(wrong == 0, "program_counters", "%u wrong", wrong);
}

/* An address that is that of code but for bits that are not canonical: it must not be taken for the code's,
 * or the fault is thought to be over and comes again for ever. */
static void aliases_of_code(void)
{
    uint64_t hung = 0;
    unsigned wrong = 0;

    for (unsigned bit = 39; bit < 64; bit += 3) {
        static const char *const code[] = {probe_load, probe_store, probe_jump};
        for (unsigned i = 0; i < 3; i++) {
            uint64_t address = (uint64_t)probe_jump ^ 1ull << bit;
            struct outcome outcome;
            if (!probe_within(&worker, code[i], address, 100000, &outcome))
                hung |= 1ull << bit;
            else
                wrong += outcome.survived;
        }
    }
    verdict(wrong == 0 && hung == 0, "aliases_of_code", "%u wrong, for ever at bits %lx", wrong, hung);
}

/* The same from another hart, where there is one. */
static void other_hart(void)
{
    struct sweep sweep = {0};

    probe_make(&worker, rt_boot->hart_count - 1);
    for (uint64_t at = 0; at < IMAGE_BYTES; at += IMAGE_BYTES / 16)
        try_address(&sweep, IMAGE + at);
    for (uint64_t at = KERNEL_HALF; at != 0; at += 16 * GIB)
        try_address(&sweep, at);
    try_address(&sweep, KERNEL_HALF + RAM);
    swept(&sweep, "other_hart");
    worker_end(&worker);
}

/* --- Instructions --- */

/* Runs one instruction, then tells that it survived. */
static struct outcome run_instruction(uint32_t instruction)
{
    uint32_t *code = (uint32_t *)CODE;

    code[0] = instruction;
    code[1] = 0x00008067; /* ret */
    return probe(&worker, probe_jump, CODE + PAGE_BYTES);
}

static void instructions(void)
{
    static const struct {
        uint32_t code;
        const char *name;
    } bad[] = {
        {0x10200073, "sret"},
        {0x30200073, "mret"},
        {0x00200073, "uret"},
        {0x7b200073, "dret"},
        {0x70200073, "mnret"},
        {0x10500073, "wfi"},
        {0x12000073, "sfence.vma"},
        {0x12b50073, "sfence.vma a0, a1"},
        {0x16000073, "sinval.vma"},
        {0x18000073, "sfence.w.inval"},
        {0x18100073, "sfence.inval.ir"},
        {0x22000073, "hfence.vvma"},
        {0x62000073, "hfence.gvma"},
        {0x60054573, "hlv.b"},
        {0x6c054573, "hlv.d"},
        {0x6ea54073, "hsv.d"},
        {0x18051073, "csrw satp, a0"},
        {0x10002573, "csrr a0, sstatus"},
        {0x10016073, "csrsi sstatus, 2"},
        {0x14051073, "csrw sscratch, a0"},
        {0x10551073, "csrw stvec, a0"},
        {0x14102573, "csrr a0, sepc"},
        {0x10651073, "csrw scounteren, a0"},
        {0x14d51073, "csrw stimecmp, a0"},
        {0, "zeros"},
        {~0u, "ones"},
    };
    unsigned wrong = 0;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct outcome outcome = run_instruction(bad[i].code);
        if (outcome.survived || outcome.fault != FAULT_ILLEGAL) {
            printf("  %s: %s\n", bad[i].name, fault_name(&outcome));
            wrong++;
        }
    }
    struct outcome nothing =
        run_instruction(0x00000013);                   /* nop: that the others fail is not the test's doing */
    struct outcome trap = run_instruction(0x00100073); /* ebreak */
    verdict(wrong == 0 && nothing.survived && trap.fault == FAULT_BREAKPOINT, "instructions", "%u wrong",
            wrong);
}

/* Reads and writes all 4096 control registers: nothing but the state of floating point, and the time, is
 * for users. */
static void control_registers(void)
{
    unsigned wrong = 0;

    for (uint32_t csr = 0; csr < 4096; csr++) {
        bool fp = csr >= 1 && csr <= 3, time = csr == 0xc01;
        struct outcome read = run_instruction(csr << 20 | 0x2573);  /* csrrs a0, csr, zero */
        struct outcome write = run_instruction(csr << 20 | 0x1073); /* csrrw zero, csr, zero */
        if (read.survived != (fp || time) || write.survived != fp ||
            (!read.survived && read.fault != FAULT_ILLEGAL) ||
            (!write.survived && write.fault != FAULT_ILLEGAL)) {
            if (wrong++ < 10)
                printf("  csr %x: read %s, write %s\n", csr, fault_name(&read), fault_name(&write));
        }
    }
    verdict(wrong == 0, "control_registers", "%u of 4096 wrong", wrong);
}

/* --- Memory that became something else --- */

static enum error map_table(cap_t table, uint64_t address)
{
    const uint64_t where[2] = {BOOT_ADDRESS_SPACE, address};

    return kernel_call(table, OP_PAGE_TABLE_MAP, where, 2, NULL, 0);
}

/* No operation maps anything but a frame. */
static void objects_are_not_mapped(void)
{
    static const enum object_type type[] = {OBJ_UNTYPED, OBJ_CNODE, OBJ_THREAD, OBJ_ADDRESS_SPACE,
                                            OBJ_PAGE_TABLE};
    unsigned wrong = 0;

    for (unsigned i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
        cap_t object = make_object(type[i], PAGE_BITS);
        wrong += !frame_map(object, BOOT_ADDRESS_SPACE, TRY, RIGHT_READ);
    }
    struct outcome outcome = probe(&worker, probe_load, TRY);
    verdict(wrong == 0 && probe_refused(&outcome, RIGHT_READ, TRY), "objects_are_not_mapped", "%u wrong",
            wrong);
}

/* Retyping does not give the same memory twice, whatever the offset. */
static void no_overlap(void)
{
    cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS + 3), first = slots_take(8), table = slots_take(1);
    static const uint64_t offset[] = {
        1,          64,    PAGE_BYTES - 64,    PAGE_BYTES,           3 * PAGE_BYTES, 8 * PAGE_BYTES,
        1ull << 63, ~0ull, ~0ull << PAGE_BITS, 0ull - 2 * PAGE_BYTES};
    unsigned made = 0, wrong = 0;

    must(untyped_retype(untyped, OBJ_PAGE_TABLE, PAGE_BITS, 0, first, 4, 0), "make page tables");
    for (unsigned i = 0; i < sizeof(offset) / sizeof(offset[0]); i++)
        if (!untyped_retype(untyped, OBJ_FRAME, PAGE_BITS, 0, table, 1, offset[i])) {
            wrong++;
            cnode_delete(BOOT_CNODE, table);
        }
    for (unsigned i = 4; i < 8; i++)
        made += !make_of(untyped, OBJ_FRAME, PAGE_BITS, first + i);
    wrong += !make_of(untyped, OBJ_FRAME, PAGE_BITS, table);
    wrong += !untyped_retype(untyped, OBJ_CNODE, 7, 0, table, ~0ull, 0);
    wrong += !untyped_retype(untyped, OBJ_UNTYPED, 6, 0, table, 1ull << 58, 0);
    must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
    verdict(wrong == 0 && made == 4, "no_overlap", "%u wrong, %u frames of 4", wrong, made);
}

/* A frame that is destroyed while it is mapped is out of reach before its memory is anything else. */
static void destroyed_frame(void)
{
    cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS), frame = slots_take(1), copy = slots_take(1);
    unsigned wrong = 0;

    for (unsigned i = 0; i < 4; i++) {
        must(make_of(untyped, OBJ_FRAME, PAGE_BITS, frame), "make a frame");
        must(cnode_copy(BOOT_CNODE, copy, 0, frame, RIGHTS_ALL), "copy a capability");
        map_at(i & 1 ? copy : frame, BOOT_ADDRESS_SPACE, TRY, RIGHT_READ | RIGHT_WRITE);
        *(volatile uint64_t *)TRY = 1;
        if (i & 2)
            must(cnode_delete(BOOT_CNODE, frame), "delete a capability");
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
        must(make_of(untyped, OBJ_CNODE, PAGE_BITS, frame), "make a CNode");
        struct outcome read = probe(&worker, probe_load, TRY), write = probe(&worker, probe_store, TRY);
        wrong += !probe_refused(&read, RIGHT_READ, TRY) + !probe_refused(&write, RIGHT_WRITE, TRY);
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
    }
    verdict(wrong == 0, "destroyed_frame", "%u wrong", wrong);
}

/* A page table that is taken out keeps nothing of what it mapped: the frames in it may be something else
 * since. */
static void stale_table(void)
{
    const uint64_t at = TRY + (4ull << 20);
    cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS), frame = slots_take(1);
    cap_t table = make_object(OBJ_PAGE_TABLE, PAGE_BITS);
    unsigned wrong = 0;

    for (unsigned way = 0; way < 3; way++) {
        must(make_of(untyped, OBJ_FRAME, PAGE_BITS, frame), "make a frame");
        must(map_table(table, at), "map a page table");
        map_at(frame, BOOT_ADDRESS_SPACE, at, RIGHT_READ | RIGHT_WRITE);
        *(volatile uint64_t *)at = 1;
        must(kernel_call(table, OP_PAGE_TABLE_UNMAP, NULL, 0, NULL, 0), "unmap a page table");
        struct outcome gone = probe(&worker, probe_load, at);
        if (way == 1)
            must(frame_unmap(frame), "unmap a frame that is out already");
        if (way == 2)
            must(map_table(table, at + (2 << 20)), "map a page table elsewhere");
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
        must(make_of(untyped, OBJ_CNODE, PAGE_BITS, frame), "make a CNode");
        if (way == 2)
            must(kernel_call(table, OP_PAGE_TABLE_UNMAP, NULL, 0, NULL, 0), "unmap a page table");
        must(map_table(table, at), "map a page table");
        struct outcome read = probe(&worker, probe_load, at), write = probe(&worker, probe_store, at);
        wrong += !probe_refused(&gone, RIGHT_READ, at) + !probe_refused(&read, RIGHT_READ, at) +
                 !probe_refused(&write, RIGHT_WRITE, at);
        must(kernel_call(table, OP_PAGE_TABLE_UNMAP, NULL, 0, NULL, 0), "unmap a page table");
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
    }
    verdict(wrong == 0, "stale_table", "%u wrong", wrong);
}

/* A table that is in one place cannot be put in another, nor below itself. */
static void table_twice(void)
{
    const uint64_t at = GUEST_MAP + 2 * GIB;
    cap_t outer = make_object(OBJ_PAGE_TABLE, PAGE_BITS), inner = make_object(OBJ_PAGE_TABLE, PAGE_BITS);
    cap_t copy = slots_take(1);
    unsigned wrong = 0;

    must(map_table(outer, at), "map a page table");
    wrong += map_table(outer, at) != ERR_MAPPED;
    wrong += map_table(outer, at + GIB) != ERR_MAPPED;
    wrong += cnode_copy(BOOT_CNODE, copy, 0, outer, RIGHTS_ALL) != ERR_WRONG_TYPE;
    must(map_table(inner, at), "map a page table");
    wrong += map_table(make_object(OBJ_PAGE_TABLE, PAGE_BITS), at) != ERR_MAPPED;
    wrong += map_table(make_object(OBJ_PAGE_TABLE, PAGE_BITS), USER_END) != ERR_BAD_ADDRESS;
    wrong += map_table(make_object(OBJ_PAGE_TABLE, PAGE_BITS), KERNEL_HALF) != ERR_BAD_ADDRESS;
    wrong += frame_map(make_object(OBJ_FRAME, PAGE_BITS), BOOT_ADDRESS_SPACE, KERNEL_HALF, RIGHT_READ) !=
             ERR_BAD_ADDRESS;
    wrong += frame_map(make_object(OBJ_FRAME, PAGE_BITS), BOOT_ADDRESS_SPACE, USER_END, RIGHT_READ) !=
             ERR_BAD_ADDRESS;
    verdict(wrong == 0, "table_twice", "%u wrong", wrong);
}

/* --- Message pages --- */

/* Sends 64 words for ever. */
static void talk(uint64_t endpoint)
{
    struct msg m;

    for (;;) {
        m = (struct msg){.tag = tag_make(0, MSG_MAX_WORDS, 0)};
        sys_msg(SYS_CALL, (cap_t)endpoint, &m);
    }
}

/* The kernel writes long messages to the page of a thread; a page that is destroyed and becomes a CNode
 * must not get any. */
static void destroyed_message_page(void)
{
    cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS), frame = slots_take(1);
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    struct worker talker = {.hart = rt_boot->hart_count - 1};
    unsigned filled = 0, rounds = 40;
    struct cap_info info;

    for (unsigned round = 0; round < rounds; round++) {
        must(make_of(untyped, OBJ_FRAME, PAGE_BITS, frame), "make a frame");
        talker.message_frame = frame;
        worker_make(&talker);
        worker_run(&talker, talk, endpoint);
        if (round & 1) { /* while the talker waits for an answer, which is long */
            struct msg m = {.tag = 0};
            sys_msg(SYS_RECV, endpoint, &m);
        }
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
        must(make_of(untyped, OBJ_CNODE, PAGE_BITS, frame), "make a CNode");
        struct msg long_one = {.tag = tag_make(0, MSG_MAX_WORDS, 0)};
        memset(rt_msg_page()->word, 0x11, sizeof(rt_msg_page()->word));
        sys_msg(round & 1 ? SYS_REPLY : SYS_TRY_SEND, round & 1 ? 0 : endpoint, &long_one);
        sleep_us(50);
        for (unsigned i = 1; i < PAGE_BYTES >> SLOT_BITS; i++)
            filled += cnode_inspect(frame, i, &info) || info.type != OBJ_NULL;
        worker_end(&talker);
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
    }
    verdict(filled == 0, "destroyed_message_page", "%u slots filled in %u rounds", filled, rounds);
}

/* --- What is told --- */

/* Whether a value could be an address of the kernel's, or of memory behind its back. */
static bool looks_like_kernel(uint64_t value)
{
    return value >= KERNEL_HALF && value < -4096ull;
}

/* Nothing that is answered about an object is an address; where frames lie is told to holders of RIGHT_DMA
 * only. */
static void no_address_told(void)
{
    static const uint32_t op[] = {
#define OP(type, n, name, right) OP_##type##_##name,
        OPERATION_LIST(OP)
#undef OP
    };
    uint64_t info[MSG_MAX_WORDS], arguments[MSG_REGS] = {BOOT_CNODE};
    unsigned wrong = 0;
    cap_t thread = slots_take(1), frame = make_object(OBJ_FRAME, PAGE_BITS);
    cap_t no_dma = copy_cap(frame, RIGHT_READ);

    must(cnode_copy(BOOT_CNODE, thread, 0, worker.thread, RIGHT_INSPECT), "copy a capability");
    const cap_t object[] = {BOOT_CNODE, thread,           worker.context, BOOT_ADDRESS_SPACE,
                            no_dma,     BOOT_IRQ_CONTROL, BOOT_DEBUG};
    for (unsigned i = 0; i < sizeof(object) / sizeof(object[0]); i++)
        for (unsigned n = 0; n < sizeof(op) / sizeof(op[0]); n++) {
            if (object[i] == BOOT_CNODE && op[n] != OP_CNODE_INSPECT && op[n] != OP_CNODE_SIZE &&
                op[n] != OP_CNODE_OBJECT_ID)
                continue;
            kernel_call(object[i], op[n], arguments, 1, info, MSG_REGS);
            for (unsigned w = 0; w < MSG_REGS; w++)
                wrong += looks_like_kernel(info[w]) && op[n] != OP_CNODE_OBJECT_ID && op[n] != OP_THREAD_INFO;
        }
    must(kernel_call(no_dma, OP_FRAME_INFO, NULL, 0, info, 4), "ask a frame");
    wrong += info[3] != 0;
    verdict(wrong == 0, "no_address_told", "%u wrong", wrong);
}

/* The inverse of an odd number modulo 2^64. */
static uint64_t inverse(uint64_t odd)
{
    uint64_t x = odd;

    for (unsigned i = 0; i < 6; i++)
        x *= 2 - odd * x;
    return x;
}

static uint64_t object_number(cap_t cap)
{
    uint64_t id = cnode_object_id(BOOT_CNODE, cap);

    must(id ? ERR_OK : ERR_NO_CAP, "ask for the number of an object");
    return id;
}

/* The numbers that objects are told by must not be the addresses, nor something that two neighbours give
 * away: here it is tried whether they are the address times a secret, of which the difference of two
 * neighbours is 32 times the lower 59 bits. */
static void object_numbers(void)
{
    cap_t untyped = make_object(OBJ_UNTYPED, 14), first = slots_take(3);
    uint64_t info[4], physical, steps[3], number[3], same = 0, guessed = 0;

    must(untyped_retype(untyped, OBJ_FRAME, PAGE_BITS, 0, first, 3, 0), "make frames");
    must(kernel_call(first, OP_FRAME_INFO, NULL, 0, info, 4), "ask a frame");
    physical = info[3];
    for (unsigned i = 0; i < 3; i++)
        number[i] = object_number(first + i);
    for (unsigned i = 0; i < 2; i++)
        steps[i] = number[i + 1] - number[i];
    same = steps[0] == steps[1];
    /* A page is 64 granules; the number has the granule's number (1 more) above 5 bits of type. */
    for (uint64_t top = 0; top < 2048 && !guessed; top++) {
        uint64_t key = steps[0] >> 11 | top << 53;
        uint64_t where = number[0] * inverse(key | 1);
        guessed = ((where >> 5) - 1) << 6 == physical;
    }
    must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
    verdict(!same && !guessed && physical != 0, "object_numbers", "%s, %s",
            same ? "in equal steps" : "no equal steps",
            guessed ? "the address was found out" : "not found out");
}

int main(void)
{
    guest_init("reach");
    cap_t code = map_new(CODE);
    map_at(copy_cap(code, RIGHTS_ALL), BOOT_ADDRESS_SPACE, CODE + PAGE_BYTES, RIGHT_READ | RIGHT_EXEC);
    map_at(make_object(OBJ_FRAME, PAGE_BITS), BOOT_ADDRESS_SPACE, TRY + PAGE_BYTES,
           RIGHT_READ); /* makes the tables */
    other_hart();
    probe_make(&worker, 0);
    root_entries();
    image();
    direct_map();
    not_canonical();
    program_counters();
    aliases_of_code();
    instructions();
    control_registers();
    objects_are_not_mapped();
    no_overlap();
    destroyed_frame();
    stale_table();
    table_twice();
    destroyed_message_page();
    no_address_told();
    object_numbers();
    guest_finish();
}
