/* SPDX-License-Identifier: MIT */
/* A driver's calls to the device server. */
#include <base/checked.h>
#include <driver/device.h>
#include <proto/mm.h>
#include <stdio.h>
#include <string.h>

enum error device_count(uint64_t *count)
{
    struct proto_empty none;
    struct dev_count_reply reply;

    if (rt_cap("dev") == 0) {
        rt_log("no capability for the device server");
        return ERR_NO_CAP;
    }
    enum error error = dev_count(rt_cap("dev"), &none, &reply);
    if (error) {
        rt_log("the device server does not say which devices there are: %s", error_text(error));
        return error;
    }
    *count = reply.count;
    return ERR_OK;
}

enum error device_open(struct device *device, uint64_t index)
{
    struct dev_index_request request = {.index = index};

    *device = (struct device){.index = index};
    enum error error = dev_info(rt_cap("dev"), &request, &device->info);
    if (error) {
        rt_log("device %u: no information: %s", (unsigned)index, error_text(error));
        return error;
    }
    device->info.name[sizeof(device->info.name) - 1] = 0;
    device->info.compatible[sizeof(device->info.compatible) - 1] = 0;
    return ERR_OK;
}

int device_property(const struct device *device, enum dev_node node, const char *name, void *value,
                    size_t size)
{
    struct dev_property_request request = {.index = device->index, .node = node};
    struct dev_property_reply reply;

    snprintf(request.name, sizeof(request.name), "%s", name);
    if (dev_property(rt_cap("dev"), &request, &reply))
        return -1;
    size_t length = reply.length < sizeof(reply.value) ? reply.length : sizeof(reply.value);
    memcpy(value, reply.value, length < size ? length : size);
    return (int)length;
}

uint32_t device_cell(const struct device *device, enum dev_node node, const char *name, unsigned n,
                     uint32_t absent)
{
    uint8_t value[DEVICE_PROPERTY_BYTES];
    int length = device_property(device, node, name, value, sizeof(value));

    if (length < 4 || n > (unsigned)length / 4 - 1)
        return absent;
    const uint8_t *cell = value + 4 * n; /* big endian */
    return (uint32_t)cell[0] << 24 | (uint32_t)cell[1] << 16 | (uint32_t)cell[2] << 8 | cell[3];
}

/* A segment of registers that dev gave. */
struct piece {
    struct dev_region_reply reply;
    cap_t cap;
};

static enum error get_piece(const struct device *device, uint64_t n, uint64_t from, struct piece *piece)
{
    struct dev_region_request request = {.index = device->index, .n = n, .from = from};
    struct dev_region_reply *reply = &piece->reply;

    enum error error = dev_region(rt_cap("dev"), &request, reply, &piece->cap);
    if (!error && (reply->length == 0 || from >= reply->size || reply->length > reply->size - from ||
                   !range_inside(reply->offset, reply->length, reply->segment_length))) {
        slot_free(piece->cap);
        error = ERR_BAD_ADDRESS;
    }
    return error;
}

/* Addresses for `length` bytes of registers from `piece` on, where the pieces can follow each other; mm
 * chooses when the one is enough. Nothing else is mapped in between: only this thread asks mm for the
 * process. */
static enum error choose_address(const struct piece *piece, uint64_t length, uint64_t *address)
{
    uint64_t room;

    *address = 0;
    if (length <= piece->reply.length)
        return ERR_OK;
    /* The last piece may reach further, as far as a segment of megapages at most. */
    if (!checked_add(length + piece->reply.offset, (MSG_MAX_CAPS + 1) * DEV_REGION_ALIGNMENT, &room))
        return ERR_NO_MEMORY;
    void *reserved = rt_map(room, MM_READ);
    if (reserved == NULL)
        return ERR_NO_MEMORY;
    rt_unmap(reserved, room);
    *address = align_up((uint64_t)reserved, DEV_REGION_ALIGNMENT) + piece->reply.alignment;
    return ERR_OK;
}

/* Maps the pieces one behind the other; *first is where the first begins. */
static enum error map_pieces(const struct device *device, uint64_t n, uint64_t from, uint64_t length,
                             struct piece *piece, char **first)
{
    struct segment segment;
    uint64_t address = 0;

    enum error error = choose_address(piece, length, &address);
    for (*first = NULL;; address += segment.length) {
        if (!error)
            error = segment_map_at(&segment, piece->cap, address, piece->reply.segment_length,
                                   MM_READ | MM_WRITE);
        if (error) {
            slot_free(piece->cap);
            return error;
        }
        if (*first == NULL)
            *first = segment.address;
        if (length <= piece->reply.length)
            return ERR_OK;
        from += piece->reply.length;
        length -= piece->reply.length;
        error = get_piece(device, n, from, piece);
        if (error)
            return error;
    }
}

enum error device_region(const struct device *device, uint64_t n, uint64_t from, uint64_t length,
                         struct mmio *region)
{
    struct piece piece;
    char *first;

    enum error error = get_piece(device, n, from, &piece);
    if (!error) {
        uint64_t there = piece.reply.size - from, offset = piece.reply.offset;
        length = length < there ? length : there;
        error = map_pieces(device, n, from, length, &piece, &first);
        if (!error)
            *region = (struct mmio){&mmio_direct, first + offset, length, device->info.name, 0};
    }
    if (error)
        rt_log("%s: no registers: %s", device->info.name, error_text(error));
    return error;
}

/* Binds the handler in `irq` to a copy of `notification` that signals `bits`. The copy stays: the line is
 * bound to it. */
static enum error bind_line(cap_t irq, cap_t notification, uint64_t bits)
{
    cap_t minted = slot_alloc();

    if (minted == 0)
        return ERR_TOO_MANY;
    enum error error = cnode_mint(START_CNODE, minted, 0, notification, RIGHT_SIGNAL | RIGHT_WAIT, bits);
    uint64_t argument = minted;
    if (!error)
        error = kernel_call(irq, OP_IRQ_HANDLER_BIND, &argument, 1, NULL, 0);
    if (!error)
        error = kernel_call(irq, OP_IRQ_HANDLER_ACK, NULL, 0, NULL, 0);
    if (error)
        slot_free(minted);
    return error;
}

enum error device_line_bind(const struct device *device, uint64_t n, cap_t notification, uint64_t bits,
                            struct device_line *line)
{
    struct dev_index_request request = {.index = device->index, .n = n};
    struct dev_irq_reply reply;
    cap_t irq;

    enum error error = dev_irq(rt_cap("dev"), &request, &reply, &irq);
    if (!error) {
        error = bind_line(irq, notification, bits);
        if (error)
            slot_free(irq);
    }
    if (error) {
        rt_log("%s: no interrupt: %s", device->info.name, error_text(error));
        return error;
    }
    *line = (struct device_line){.device = device->info.name, .number = reply.line, .handler = irq};
    return ERR_OK;
}

enum error device_interrupt(struct device *device, uint64_t n, cap_t notification, uint64_t bits)
{
    return device_line_bind(device, n, notification, bits, &device->line);
}

void device_line_done(const struct device_line *line)
{
    enum error error = kernel_call(line->handler, OP_IRQ_HANDLER_ACK, NULL, 0, NULL, 0);

    if (error) {
        rt_log("%s: interrupt line %u cannot be acknowledged: %s", line->device, (unsigned)line->number,
               error_text(error));
    }
}

void device_interrupt_done(const struct device *device)
{
    device_line_done(&device->line);
}

enum error device_cache(const struct device *device, struct cache *cache)
{
    uint64_t block = device->info.cache_block;

    *cache = (struct cache){0};
    if (device->info.coherent)
        return ERR_OK;
    if (block == 0) {
        rt_log("%s: its DMA is not coherent, and not all harts can clean their caches (Zicbom)",
               device->info.name);
        return ERR_UNSUPPORTED;
    }
    if (block > CACHE_BLOCK_MAX) {
        rt_log("%s: its DMA is not coherent, and cache blocks of %llu bytes are too large", device->info.name,
               (unsigned long long)block);
        return ERR_UNSUPPORTED;
    }
    *cache = (struct cache){.access = &cache_direct, .block = block};
    return ERR_OK;
}

enum error device_dma(struct segment *segment, size_t length)
{
    struct dev_dma_request request = {.length = length};
    struct dev_dma_reply reply;
    cap_t cap;

    enum error error = dev_dma(rt_cap("dev"), &request, &reply, &cap);
    if (!error) {
        error = segment_map(segment, cap, reply.length, MM_READ | MM_WRITE);
        if (error)
            slot_free(cap);
    }
    if (error) {
        rt_log("no %llu bytes of memory for DMA: %s", (unsigned long long)length, error_text(error));
        return error;
    }
    segment->physical = reply.physical;
    return ERR_OK;
}

void device_dma_free(struct segment *segment)
{
    struct dev_dma_free_request request = {.physical = segment->physical};
    struct proto_empty none;

    segment_drop(segment);
    enum error error = dev_dma_free(rt_cap("dev"), &request, &none);
    if (error) {
        rt_log("memory for DMA at 0x%llx cannot be given back: %s", (unsigned long long)request.physical,
               error_text(error));
    }
}

enum error device_dma_borrow(struct segment *segment, cap_t cap)
{
    struct dev_dma_reply reply;

    enum error error = dev_dma_borrow(rt_cap("dev"), NULL, &reply, cap);
    if (error)
        return error;
    error = segment_map(segment, cap, reply.length, MM_READ | MM_WRITE);
    segment->physical = reply.physical;
    if (error) {
        struct dev_dma_free_request back = {.physical = reply.physical};
        dev_dma_return(rt_cap("dev"), &back, NULL);
    }
    return error;
}

void device_dma_return(struct segment *segment)
{
    struct dev_dma_free_request request = {.physical = segment->physical};

    segment_drop(segment);
    dev_dma_return(rt_cap("dev"), &request, NULL);
}

enum error device_begin(struct device *device, uint64_t index, cap_t notification, uint64_t bits,
                        size_t dma_bytes, struct device_parts *parts)
{
    enum error error = device_open(device, index);

    if (!error)
        error = device_region(device, 0, 0, PAGE_BYTES, &parts->regs);
    if (!error)
        error = device_cache(device, &parts->cache);
    if (!error)
        error = device_interrupt(device, 0, notification, bits);
    return error ? error : device_dma(&parts->memory, dma_bytes);
}
