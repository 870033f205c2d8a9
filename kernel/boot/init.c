/* SPDX-License-Identifier: MIT */
/* Making the first process: its objects come from the largest free range of memory, from its start on, and
 * everything that is left goes to it as untyped memory (abi/boot.h). */
#include "init.h"

#include "aspace.h"
#include "boot.h"
#include "context.h"
#include "invoke.h"
#include "log.h"
#include "panic.h"
#include "thread.h"
#include "tree.h"

#include <base/checked.h>
#include <base/cpio.h>
#include <base/elf.h>
#include <base/granules.h>
#include <string.h>

#define PAGE_SIZE              (1ull << PAGE_BITS)
#define INIT_FREE_SLOTS        3000 /* at least so many are left for what init makes */
#define INIT_PRIORITY          255
#define INIT_SLICES_PER_SECOND 100

#define INIT_STACK_TOP         0x3f00000000
#define INIT_STACK_SIZE        (64u << 10)
#define INIT_DATA              0x3000000000 /* message page, boot_info, device tree, archive */

/* What is being built. */
struct builder {
    uint64_t start, next, end; /* memory for init, physical; free from `next` on */
    struct slot *cnode;
    unsigned cnode_bits;
    uint64_t next_slot;
    struct address_space *space;
    struct boot_info *info;
    uint64_t data_next; /* free addresses for read-only data */
};

/* --- Memory --- */

static uint64_t pages(uint64_t bytes)
{
    return align_up(bytes, PAGE_SIZE);
}

/* Free memory, page-aligned and not cleared. There is enough: check_memory(). */
static void *take(struct builder *builder, uint64_t size)
{
    uint64_t at = builder->next;

    if (pages(size) > builder->end - at)
        panic("more memory is needed for init than was reckoned with");
    builder->next += pages(size);
    return arch_direct(at);
}

static void *take_cleared(struct builder *builder, uint64_t size)
{
    void *memory = take(builder, size);

    granules_clear(memory, pages(size));
    return memory;
}

/* An upper bound for the tables that a mapped range of this size needs. */
static uint64_t tables_for(uint64_t size)
{
    return (3 + (size >> MEGAPAGE_BITS)) * PAGE_SIZE;
}

/* Memory that init needs, but for its CNode; what is mapped for it where it lies is not in it. */
static uint64_t memory_for(const struct elf *elf, uint64_t data)
{
    uint64_t need = INIT_STACK_SIZE + 8 * PAGE_SIZE + tables_for(INIT_STACK_SIZE) + tables_for(data);

    for (unsigned i = 0; i < elf->segment_count; i++)
        need += elf->segment[i].memory_size + 2 * PAGE_SIZE + tables_for(elf->segment[i].memory_size);
    return need;
}

/* Chooses the size of the CNode, whose clearing takes time, and makes sure that everything taken below is
 * there. */
static void check_memory(struct builder *builder, const struct elf *elf)
{
    uint64_t data = boot_state.device_tree_size + boot_state.initrd.end - boot_state.initrd.start;
    uint64_t need = memory_for(elf, data), free = builder->end - builder->next;
    uint64_t slots = (need + data) / PAGE_SIZE + BOOT_FIRST_OBJECT + BOOT_MAX_UNTYPED + INIT_FREE_SLOTS;

    while (1ull << (builder->cnode_bits - SLOT_BITS) < slots)
        builder->cnode_bits++;
    if (builder->cnode_bits > CNODE_MAX_BITS)
        boot_fail("the archive has more pages than init can have capability slots");
    need += 1ull << builder->cnode_bits;
    if (free < need) {
        boot_fail("too little memory: init needs %lu KiB in one piece, and the largest is %lu KiB",
                  need >> 10, free >> 10);
    }
}

static void find_largest(struct builder *builder, const struct range_set *free)
{
    for (unsigned i = 0; i < free->count; i++)
        if (free->range[i].end - free->range[i].start > builder->end - builder->start) {
            builder->start = builder->next = free->range[i].start;
            builder->end = free->range[i].end;
        }
}

/* --- Capabilities and mappings --- */

static struct slot *new_slots(struct builder *builder, uint64_t count)
{
    struct slot *first = &builder->cnode[builder->next_slot];

    if (count > cnode_slots(&builder->cnode[BOOT_CNODE]) - builder->next_slot)
        panic("more capability slots are needed for init than was reckoned with");
    builder->next_slot += count;
    return first;
}

/* The page-level entry for `address`; NULL when a table is missing. */
static uint64_t *page_entry(struct address_space *space, uint64_t address)
{
    uint64_t *entry = &space->entry[address >> GIGAPAGE_BITS];

    for (unsigned bits = MEGAPAGE_BITS; bits >= PAGE_BITS; bits -= MEGAPAGE_BITS - PAGE_BITS) {
        if (!*entry)
            return NULL;
        entry = arch_direct(pte_physical(*entry));
        entry += (address >> bits) % (PAGE_SIZE / sizeof(*entry));
    }
    return entry;
}

/* Makes sure that there is a page table for `address`; returns the entry for it. */
static uint64_t *make_tables(struct builder *builder, uint64_t address)
{
    uint64_t *entry;
    unsigned level;

    while ((entry = page_entry(builder->space, address)) == NULL) {
        struct slot *table = new_slots(builder, 1);
        slot_make_root(table, OBJ_PAGE_TABLE, take_cleared(builder, PAGE_SIZE), PAGE_BITS, RIGHTS_ALL);
        enum error error = table_map(table, builder->space, address, &level);
        if (error)
            panic("no page table for init at 0x%lx: error %d", address, error);
    }
    return entry;
}

/* Fills slots with the frames of a run of pages and maps them. */
static void map_pages(struct builder *builder, struct slot *slot, char *page, uint64_t address,
                      uint64_t count, uint8_t slot_rights, uint64_t rights)
{
    struct address_space *space = builder->space;

    while (count) {
        uint64_t *entry = make_tables(builder, address);
        uint64_t run = PAGE_SIZE / sizeof(*entry) - (address >> PAGE_BITS) % (PAGE_SIZE / sizeof(*entry));

        run = run < count ? run : count;
        for (uint64_t *end = entry + run; entry < end; entry++) {
            if (*entry & PTE_V)
                panic("two pages for init at 0x%lx", address);
            slot_make_root(slot, OBJ_FRAME, page, PAGE_BITS, slot_rights);
            slot->space = space;
            page_enter(slot++, space, entry, address, rights);
            page += PAGE_SIZE;
            address += PAGE_SIZE;
        }
        count -= run;
    }
}

/* Maps a range of physical memory read-only at the next free addresses, with all pages it reaches into;
 * returns where its first byte is. */
static uint64_t map_data(struct builder *builder, uint64_t physical, uint64_t size)
{
    uint64_t start = builder->data_next, from = align_down(physical, PAGE_SIZE);
    uint64_t count = (align_up(physical + size, PAGE_SIZE) - from) / PAGE_SIZE;

    map_pages(builder, new_slots(builder, count), arch_direct(from), start, count, RIGHT_READ, RIGHT_READ);
    builder->data_next += count * PAGE_SIZE;
    return start + (physical & (PAGE_SIZE - 1));
}

/* --- The program --- */

static void open_program(struct elf *elf, const void **file)
{
    const struct range *initrd = &boot_state.initrd;
    struct cpio_file program;

    if (initrd->start >= initrd->end)
        boot_fail("no initrd: pass one with -initrd");
    if (!range_covers(&boot_state.memory, initrd->start, initrd->end))
        boot_fail("the initrd at 0x%lx-0x%lx is not in memory", initrd->start, initrd->end);
    panic_reading = " while reading the initrd";
    enum cpio_error damage =
        cpio_find(arch_direct(initrd->start), initrd->end - initrd->start, "init", &program);
    if (damage == CPIO_NOT_FOUND)
        boot_fail("no program 'init' in the initrd");
    if (damage)
        boot_fail("the initrd is no good archive: %s", cpio_strerror(damage));
    enum elf_error error = elf_open(elf, program.data, program.size);
    if (error)
        boot_fail("'init' in the initrd is no good program: %s", elf_strerror(error));
    *file = program.data;
    panic_reading = NULL;
}

/* Copies the part of a segment that lies in the page at `address`; the rest of the page is zero. */
static void fill_page(char *page, uint64_t address, const struct elf_segment *segment, const char *file)
{
    uint64_t start = segment->vaddr > address ? segment->vaddr : address;
    uint64_t end = segment->vaddr + segment->file_size;

    if (end > address + PAGE_SIZE)
        end = address + PAGE_SIZE;
    if (end <= start) {
        granules_clear(page, PAGE_SIZE);
        return;
    }
    memset(page, 0, start - address);
    memcpy(page + (start - address), file + segment->file_offset + (start - segment->vaddr), end - start);
    memset(page + (end - address), 0, address + PAGE_SIZE - end);
}

static uint64_t frame_rights(uint32_t prot)
{
    return (prot & ELF_WRITE ? RIGHT_WRITE | RIGHT_READ : 0) | (prot & ELF_EXEC ? RIGHT_EXEC : 0) |
           (prot & ELF_READ || !prot ? RIGHT_READ : 0);
}

static void load_program(struct builder *builder, const struct elf *elf, const char *file)
{
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segment[i];
        uint64_t end = align_up(segment->vaddr + segment->memory_size, PAGE_SIZE);
        for (uint64_t at = align_down(segment->vaddr, PAGE_SIZE); at < end; at += PAGE_SIZE) {
            char *page = take(builder, PAGE_SIZE);
            fill_page(page, at, segment, file);
            map_pages(builder, new_slots(builder, 1), page, at, 1, RIGHTS_ALL, frame_rights(segment->prot));
        }
        builder->info->image_end = end;
    }
    arch_instruction_fence(builder->space);
}

/* --- Its objects --- */

static void make_cnode(struct builder *builder)
{
    builder->cnode = take_cleared(builder, 1ull << builder->cnode_bits);
    builder->next_slot = BOOT_FIRST_OBJECT;
    slot_make_root(&builder->cnode[BOOT_CNODE], OBJ_CNODE, builder->cnode, builder->cnode_bits, RIGHTS_ALL);
}

static void make_space(struct builder *builder)
{
    builder->space = take_cleared(builder, PAGE_SIZE);
    arch_space_init(builder->space);
    slot_make_root(&builder->cnode[BOOT_ADDRESS_SPACE], OBJ_ADDRESS_SPACE, builder->space, PAGE_BITS,
                   RIGHTS_ALL);
}

static void make_controls(struct builder *builder)
{
    slot_make_root(&builder->cnode[BOOT_IRQ_CONTROL], OBJ_IRQ_CONTROL, NULL, 0, RIGHTS_ALL);
    slot_make_root(&builder->cnode[BOOT_DEBUG], OBJ_DEBUG, NULL, 0, RIGHTS_ALL);
    slot_make_root(&builder->cnode[BOOT_RESET], OBJ_RESET, NULL, 0, RIGHTS_ALL);
    for (uint32_t i = 0; i < hart_count; i++) {
        struct slot *slot = &builder->cnode[BOOT_SCHED_CONTROL + i];
        slot_make_root(slot, OBJ_SCHED_CONTROL, NULL, 0, RIGHTS_ALL);
        slot->number = i;
    }
}

static void make_data(struct builder *builder)
{
    struct slot *msg = &builder->cnode[BOOT_MSG_FRAME];
    struct boot_info *info = take_cleared(builder, PAGE_SIZE);

    builder->info = info;
    builder->data_next = INIT_DATA;
    info->msg_page = builder->data_next;
    map_pages(builder, msg, take_cleared(builder, PAGE_SIZE), info->msg_page, 1, RIGHTS_ALL,
              RIGHT_READ | RIGHT_WRITE);
    builder->data_next += PAGE_SIZE;
}

static void make_stack(struct builder *builder)
{
    const uint64_t count = INIT_STACK_SIZE / PAGE_SIZE;

    map_pages(builder, new_slots(builder, count), take_cleared(builder, INIT_STACK_SIZE),
              INIT_STACK_TOP - INIT_STACK_SIZE, count, RIGHTS_ALL, RIGHT_READ | RIGHT_WRITE);
}

static void give_thread(struct builder *builder, struct thread *thread, enum thread_slot to,
                        enum boot_slot from)
{
    thread->slot[to].flags = SLOT_IN_THREAD;
    slot_copy(&builder->cnode[from], &thread->slot[to], RIGHTS_ALL);
}

/* The thread and its time, in one page. */
static void make_thread(struct builder *builder, uint64_t entry, uint64_t boot_info)
{
    struct thread *thread = take_cleared(builder, PAGE_SIZE);
    struct sched_context *context = (struct sched_context *)((char *)thread + (1 << THREAD_BITS));

    slot_make_root(&builder->cnode[BOOT_THREAD], OBJ_THREAD, thread, THREAD_BITS, RIGHTS_ALL);
    slot_make_root(&builder->cnode[BOOT_SCHED_CONTEXT], OBJ_SCHED_CONTEXT, context, SCHED_CONTEXT_BITS,
                   RIGHTS_ALL);
    thread->slot[THREAD_FAULT].flags = SLOT_IN_THREAD;
    give_thread(builder, thread, THREAD_CSPACE, BOOT_CNODE);
    give_thread(builder, thread, THREAD_SPACE, BOOT_ADDRESS_SPACE);
    give_thread(builder, thread, THREAD_MSG, BOOT_MSG_FRAME);
    memcpy(thread->name, "init", sizeof("init"));
    thread->priority = thread->ceiling = thread->lane_level = INIT_PRIORITY;
    thread_lane_update(thread);
    thread->reg[REG_PC] = entry;
    thread->reg[REG_SP] = INIT_STACK_TOP;
    thread->reg[REG_A0] = boot_info;
    context_configure(context, 0, arch_timebase / INIT_SLICES_PER_SECOND,
                      arch_timebase / INIT_SLICES_PER_SECOND);
    context_bind(context, thread);
    thread_resume(thread);
}

/* --- What is left --- */

/* Hands [start, end) over in the largest aligned blocks that fit. */
static void give_range(struct builder *builder, uint64_t start, uint64_t end, bool device)
{
    struct boot_info *info = builder->info;

    /* Each block is aligned to its size, so sizes first rise from one to the next and then fall. */
    for (unsigned bits = PAGE_BITS; start < end; start += 1ull << bits) {
        while (bits < UNTYPED_MAX_BITS && !(start >> bits & 1) && end - start >= 2ull << bits)
            bits++;
        while (end - start < 1ull << bits)
            bits--;
        if (info->untyped_count == BOOT_MAX_UNTYPED) {
            log_line("%s at 0x%lx-0x%lx is left out: too many pieces", device ? "device space" : "memory",
                     start, end);
            return;
        }
        struct boot_untyped *untyped = &info->untyped[info->untyped_count++];
        *untyped = (struct boot_untyped){
            .address = start, .slot = builder->next_slot, .size_bits = bits, .device = device};
        struct slot *slot = new_slots(builder, 1);
        slot_make_root(slot, OBJ_UNTYPED, arch_direct(start), bits, RIGHTS_ALL);
        if (device)
            slot->flags |= SLOT_DEVICE;
    }
}

static void give_memory(struct builder *builder, struct range_set *free)
{
    range_remove(free, builder->start, builder->next);
    for (unsigned i = 0; i < GIVEN_BACK; i++)
        range_add(free, boot_state.given_back[i].start, boot_state.given_back[i].end);
    for (unsigned i = 0; i < free->count; i++)
        give_range(builder, free->range[i].start, free->range[i].end, false);
}

static void give_devices(struct builder *builder)
{
    static struct range_set devices;

    boot_device_space(&devices);
    for (unsigned i = 0; i < devices.count; i++)
        give_range(builder, devices.range[i].start, devices.range[i].end, true);
}

static void fill_info(const struct builder *builder, struct boot_info *info)
{
    info->magic = BOOT_MAGIC;
    info->cnode_slots = cnode_slots(&builder->cnode[BOOT_CNODE]);
    info->device_tree_size = boot_state.device_tree_size;
    info->archive_size = boot_state.initrd.end - boot_state.initrd.start;
    info->timebase = arch_timebase;
    info->ram_bytes = range_total(&boot_state.memory);
    info->hart_count = hart_count;
    for (uint32_t i = 0; i < hart_count; i++)
        info->hart_id[i] = harts[i].id;
    info->isa = arch_isa();
    memcpy(info->command_line, boot_state.command_line, sizeof(info->command_line));
}

void boot_make_init(void)
{
    static struct range_set free;
    struct builder builder = {.cnode_bits = CNODE_MIN_BITS};
    struct elf elf;
    const void *file;

    open_program(&elf, &file);
    boot_free_memory(&free);
    find_largest(&builder, &free);
    check_memory(&builder, &elf);

    make_cnode(&builder);
    make_space(&builder);
    make_controls(&builder);
    make_data(&builder);
    fill_info(&builder, builder.info);
    uint64_t boot_info = map_data(&builder, arch_physical(builder.info), PAGE_SIZE);
    builder.info->device_tree = map_data(&builder, boot_state.device_tree, boot_state.device_tree_size);
    builder.info->archive = map_data(&builder, boot_state.initrd.start, builder.info->archive_size);
    load_program(&builder, &elf, file);
    make_stack(&builder);
    make_thread(&builder, elf.entry, boot_info);
    give_memory(&builder, &free);
    give_devices(&builder);
    builder.info->first_free_slot = builder.next_slot;
}
