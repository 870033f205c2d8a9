/* SPDX-License-Identifier: MIT */
/*
 * Starting mm, which nobody can help with: its program, stack and page tables come out of init's own
 * memory, frame by frame. Then all memory that is left is mm's.
 */
#include "init.h"

#include <base/format.h>

#include <string.h>

#define MM_STACK_BYTES  0x10000ull
#define MM_RESERVE_BITS 19 /* least for init's own objects and mm's page tables: 512 KiB */
#define MM_MIN_SLOTS    4096
#define MM_MAX_SLOTS    65536

/* Capabilities in mm's CNode besides those that every process has: of each receiver its endpoint and its
 * thread. */
enum {
    MM_SLOT_SPACE = START_FIRST_NAMED,
    MM_SLOT_INIT_SPACE,
    MM_SLOT_CRASH,
    MM_SLOT_RECV,
    MM_SLOT_THREAD = MM_SLOT_RECV + BOOT_MAX_HARTS,
    MM_SLOT_MEMORY = MM_SLOT_THREAD + BOOT_MAX_HARTS
};

struct receiver receivers[BOOT_MAX_HARTS];

/* What mm's thread on one hart is made of. */
struct receiver_parts {
    cap_t thread, context, message_frame;
};

static void must(enum error error, const char *what)
{
    if (error)
        give_up("init: mm: cannot %s: %s", what, error_text(error));
}

/* Maps a frame, making the page tables that are missing. */
static void map_frame(cap_t frame, cap_t space, uint64_t address, uint64_t rights)
{
    enum error error = frame_map(frame, space, address, rights);

    while (error == ERR_NO_TABLE) {
        const uint64_t where[2] = {space, address};
        must(kernel_call(pool_object(OBJ_PAGE_TABLE, PAGE_BITS), OP_PAGE_TABLE_MAP, where, 2, NULL, 0),
             "map a page table");
        error = frame_map(frame, space, address, rights);
    }
    must(error, "map a page");
}

/* A page of mm at `address` with these first bytes; returns its frame. */
static cap_t make_page(cap_t space, uint64_t address, uint64_t rights, const void *bytes, size_t offset,
                       size_t count)
{
    cap_t frame = pool_object(OBJ_FRAME, PAGE_BITS);

    if (count > 0) {
        map_frame(frame, BOOT_ADDRESS_SPACE, WINDOW_NEW_IMAGE, RIGHT_READ | RIGHT_WRITE);
        memcpy((char *)WINDOW_NEW_IMAGE + offset, bytes, count);
        must(frame_unmap(frame), "unmap a page");
    }
    map_frame(frame, space, address, rights);
    return frame;
}

static void load_segment(cap_t space, const struct elf_segment *segment, const uint8_t *file)
{
    uint64_t end = align_up(segment->vaddr + segment->memory_size, PAGE_BYTES);
    uint64_t file_end = segment->vaddr + segment->file_size;

    for (uint64_t page = align_down(segment->vaddr, PAGE_BYTES); page < end; page += PAGE_BYTES) {
        uint64_t from = page > segment->vaddr ? page : segment->vaddr;
        uint64_t to = page + PAGE_BYTES < file_end ? page + PAGE_BYTES : file_end;
        size_t count = to > from ? to - from : 0;
        const uint8_t *bytes = count == 0 ? NULL : file + segment->file_offset + (from - segment->vaddr);
        make_page(space, page, segment->prot, bytes, from - page, count);
    }
}

static uint64_t pages_bytes(const struct elf *elf)
{
    uint64_t bytes = MM_STACK_BYTES;

    for (unsigned i = 0; i < elf->segment_count; i++)
        bytes += align_up(elf->segment[i].memory_size, PAGE_BYTES) + PAGE_BYTES;
    return bytes;
}

/* What mm needs in its own CNode when all memory is in use: what it does not need soon it can put
 * elsewhere. */
static unsigned cnode_bits(uint64_t ram)
{
    uint64_t slots = MM_MIN_SLOTS;
    unsigned bits = SLOT_BITS + 12;

    while (slots < ram >> (PAGE_BITS + 4) && slots < MM_MAX_SLOTS) {
        slots *= 2;
        bits++;
    }
    return bits;
}

static void name_cap(struct process *mm, struct start_info *start, const char *name, unsigned slot, cap_t cap,
                     uint64_t rights, uint64_t badge)
{
    must(badge == 0 ? cnode_copy(mm->cnode, slot, 0, cap, rights)
                    : cnode_mint(mm->cnode, slot, 0, cap, rights, badge),
         "give a capability");
    start_info_cap(start, "", name, slot);
}

/* The first receiver's are named as those of every process are, the others' with their number. */
static void give_receiver(struct process *mm, struct start_info *start, unsigned number, cap_t thread)
{
    char endpoint[24] = "endpoint", of_thread[24] = "thread";

    if (number > 0) {
        format_buffer(endpoint, sizeof(endpoint), "endpoint.%u", number);
        format_buffer(of_thread, sizeof(of_thread), "thread.%u", number);
        name_cap(mm, start, of_thread, MM_SLOT_THREAD + number, thread, RIGHTS_ALL, 0);
    }
    unsigned slot = number == 0 ? START_ENDPOINT : MM_SLOT_RECV + number;
    name_cap(mm, start, endpoint, slot, receivers[number].endpoint, RIGHTS_ALL, 0);
}

static void give_caps(struct process *mm, struct start_info *start)
{
    name_cap(mm, start, "cnode", START_CNODE, mm->cnode, RIGHT_CONTROL | RIGHT_INSPECT, 0);
    if (mm->grant->kernel & GRANT_THREAD)
        name_cap(mm, start, "thread", START_THREAD, mm->thread, RIGHTS_ALL, 0);
    if (mm->grant->kernel & GRANT_LOG)
        name_cap(mm, start, "log", START_LOG, BOOT_DEBUG, RIGHT_LOG, 0);
    name_cap(mm, start, "space", MM_SLOT_SPACE, mm->address_space, RIGHTS_ALL, 0);
    name_cap(mm, start, "init-space", MM_SLOT_INIT_SPACE, BOOT_ADDRESS_SPACE, RIGHTS_ALL, 0);
    name_cap(mm, start, "crash", MM_SLOT_CRASH, own_notification, RIGHT_SIGNAL, SIGNAL_CRASH);
    start->first_free_slot = MM_SLOT_MEMORY;
    if (mm->grant->kernel & GRANT_MEMORY)
        start->first_free_slot = pool_give(mm->cnode, MM_SLOT_MEMORY, start);
}

/* Prepares the thread on that hart. */
static void make_thread(const struct process *mm, unsigned number, const struct receiver_parts *parts,
                        cap_t fault)
{
    const struct description_grant *grant = mm->grant;
    const char *step = "";
    char name[sizeof(mm->name) + 4];
    const struct thread_plan plan = {
        .name = name,
        .hart = number,
        .budget_us = grant->budget,
        .period_us = grant->period,
        .deadline_us = grant->deadline,
        .priority = grant->priority,
        .thread = parts->thread,
        .context = parts->context,
        .cnode = mm->cnode,
        .address_space = mm->address_space,
        .message_frame = parts->message_frame,
        .fault = fault,
    };

    format_buffer(name, sizeof(name), number == 0 ? "%s" : "%s.%u", mm->name, number);
    must(thread_prepare(&plan, &step), step);
}

/* The endpoints of all receivers; the first is that which services_init has made. */
static void make_endpoints(void)
{
    for (unsigned i = 0; i < rt_boot->hart_count; i++)
        receivers[i].endpoint =
            i == 0 ? services[description.mm].endpoint : pool_object(OBJ_ENDPOINT, ENDPOINT_BITS);
}

/* The objects of the receiver on one hart. */
static void make_receiver(struct process *mm, struct start_info *start, unsigned number, cap_t fault)
{
    const struct receiver_parts parts = {
        .thread = pool_object(OBJ_THREAD, THREAD_BITS),
        .context = pool_object(OBJ_SCHED_CONTEXT, SCHED_CONTEXT_BITS),
        .message_frame = make_page(mm->address_space, PROCESS_MSG_PAGE + number * PAGE_BYTES,
                                   RIGHT_READ | RIGHT_WRITE, NULL, 0, 0),
    };

    if (number == 0) {
        mm->thread = parts.thread;
        mm->context = parts.context;
        mm->message_frame = parts.message_frame;
    }
    make_thread(mm, number, &parts, fault);
    give_receiver(mm, start, number, parts.thread);
}

static void open_session(void)
{
    mm_session = slot_alloc();
    must(cnode_mint(BOOT_CNODE, mm_session, 0, receivers[0].endpoint, RIGHT_SEND | RIGHT_GRANT,
                    proto_badge(NUMBER_INIT, PROTO_MANAGE | MM_USE | MM_DMA)),
         "open a session with it");
    rt_set_mm(mm_session);
}

void start_mm(const struct boot_info *boot, const struct program *program, cap_t fault)
{
    static struct start_info start;
    struct process *mm = services[description.mm].process;
    unsigned slot_bytes_bits = cnode_bits(boot->ram_bytes);

    start_info_init(&start, NUMBER_MM, mm->name, boot->timebase);
    start.stack_low = PROCESS_STACK_HIGH - MM_STACK_BYTES;
    start.cnode_slots = mm->cnode_slots = 1ull << (slot_bytes_bits - SLOT_BITS);
    start_info_arg(&start, mm->name);

    mm->cnode = slot_alloc();
    must(untyped_retype(pool_take(slot_bytes_bits), OBJ_CNODE, slot_bytes_bits, 0, mm->cnode, 1, 0),
         "make its CNode");
    mm->address_space = pool_object(OBJ_ADDRESS_SPACE, PAGE_BITS);
    for (unsigned i = 0; i < program->elf.segment_count; i++)
        load_segment(mm->address_space, &program->elf.segment[i], program->file);
    for (uint64_t at = start.stack_low; at < start.stack_high; at += PAGE_BYTES)
        make_page(mm->address_space, at, RIGHT_READ | RIGHT_WRITE, NULL, 0, 0);
    make_endpoints();
    for (unsigned i = 0; i < boot->hart_count; i++)
        make_receiver(mm, &start, i, fault);
    give_caps(mm, &start);
    make_page(mm->address_space, PROCESS_START_PAGE, RIGHT_READ, &start, 0, sizeof(start));
    open_session();
    must(thread_start(mm->thread, program->elf.entry, start.stack_high, PROCESS_START_PAGE),
         "start its thread");
    mm->state = PROC_RUNNING;
    mm->started = rt_ticks();
}

unsigned mm_reserve_bits(const struct elf *elf)
{
    unsigned bits = MM_RESERVE_BITS;

    while (1ull << bits < pages_bytes(elf) + (1ull << (MM_RESERVE_BITS - 1)))
        bits++;
    return bits;
}
