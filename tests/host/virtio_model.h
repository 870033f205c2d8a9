/* SPDX-License-Identifier: MIT */
/*
 * A virtio block device as a program: its registers behind struct mmio, its queue in this process's memory
 * (addresses for the device are pointers). It is strict, so that AddressSanitizer or an assertion notices a
 * driver that is wrong, and it can be told to misbehave.
 */
#pragma once

#include <criterion/criterion.h>
#include <driver/virtio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_QUEUE_MAX 1024
#define MODEL_SECTOR    512

struct model_part {
    uint8_t *data;
    uint32_t length;
    bool writable;
};

struct model {
    struct mmio regs;
    uint32_t magic, version, device_id, queue_max;
    uint64_t offered, accepted;
    bool refuses_features, never_resets, torn_config;
    uint32_t offer_select, accept_select, status, interrupt, generation;
    uint32_t queues, queue_index; /* how many there are, and which is selected */
    struct model_queue {
        uint32_t size, ready;
        uint64_t address[3]; /* descriptors, driver, device */
        uint16_t seen;       /* available entries taken */
    } queue[2];
    uint64_t config[8];
    unsigned notified, resets;
    uint8_t *disk;
    uint64_t sectors;
    uint8_t next_status; /* that the next request ends with */
    uint32_t block_bytes; /* of its own sectors; 0: MODEL_SECTOR, to which all requests must be aligned */
    /* Misbehaviour in the next completion. */
    bool bad_id, repeat_id, bad_length, bad_index;
};

static inline void model_reset(struct model *model)
{
    model->status = model->interrupt = 0;
    model->accepted = 0;
    memset(model->queue, 0, sizeof(model->queue));
    model->resets++;
}

static inline uint32_t model_read_config(struct model *model, uint64_t offset)
{
    uint32_t value;

    cr_assert(offset % 4 == 0 && offset + 4 <= sizeof(model->config));
    memcpy(&value, (char *)model->config + offset, 4);
    if (model->torn_config && offset == 0) { /* the capacity changes between the two halves */
        model->torn_config = false;
        model->generation++;
        model->config[0] = 0x500000001;
    }
    return value;
}

static inline struct model_queue *model_selected(struct model *model)
{
    cr_assert_lt(model->queue_index, model->queues);
    return &model->queue[model->queue_index];
}

static inline uint64_t model_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    struct model *model = context;

    (void)order;
    cr_assert_eq(bytes, 4, "registers are read in words");
    switch (offset) {
    case VIRTIO_MAGIC_VALUE: return model->magic;
    case VIRTIO_VERSION: return model->version;
    case VIRTIO_DEVICE_ID: return model->device_id;
    case VIRTIO_DEVICE_FEATURES: return (uint32_t)(model->offered >> 32 * model->offer_select);
    case VIRTIO_QUEUE_SIZE_MAX: return model->queue_index < model->queues ? model->queue_max : 0;
    case VIRTIO_QUEUE_READY: return model_selected(model)->ready;
    case VIRTIO_INTERRUPT_STATUS: return model->interrupt;
    case VIRTIO_STATUS: return model->status;
    case VIRTIO_CONFIG_GENERATION: return model->generation;
    }
    cr_assert(offset >= VIRTIO_CONFIG, "register 0x%lx cannot be read", (unsigned long)offset);
    return model_read_config(model, offset - VIRTIO_CONFIG);
}

static inline void model_write_status(struct model *model, uint32_t value)
{
    if (value == 0) {
        if (!model->never_resets)
            model_reset(model);
        return;
    }
    cr_assert_eq(value & model->status, model->status, "status bits are only added");
    if ((value & VIRTIO_FEATURES_OK) && (model->refuses_features || (model->accepted & ~model->offered)))
        value &= ~(uint32_t)VIRTIO_FEATURES_OK;
    if (value & VIRTIO_DRIVER_OK)
        cr_assert(model->status & VIRTIO_FEATURES_OK, "started before features were agreed on");
    model->status = value;
}

static inline void model_write_address(struct model *model, uint64_t offset, uint64_t value)
{
    struct model_queue *queue = model_selected(model);
    uint64_t *address = &queue->address[(offset - VIRTIO_QUEUE_DESCRIPTORS) / 16];

    cr_assert_eq(queue->ready, 0, "the queue is in use");
    *address = offset % 8 ? (uint32_t)*address | value << 32 : (*address & ~0xffffffffull) | value;
}

static inline void model_write(void *context, uint64_t offset, unsigned bytes, uint64_t value,
                               enum mmio_order order)
{
    struct model *model = context;

    cr_assert_eq(bytes, 4, "registers are written in words");
    switch (offset) {
    case VIRTIO_DEVICE_FEATURES_SELECT: model->offer_select = (uint32_t)value; break;
    case VIRTIO_DRIVER_FEATURES_SELECT: model->accept_select = (uint32_t)value; break;
    case VIRTIO_DRIVER_FEATURES:
        cr_assert_eq(model->status & VIRTIO_FEATURES_OK, 0, "features are agreed on already");
        model->accepted |= value << 32 * model->accept_select;
        break;
    case VIRTIO_QUEUE_SELECT: model->queue_index = (uint32_t)value; break;
    case VIRTIO_QUEUE_SIZE: model_selected(model)->size = (uint32_t)value; break;
    case VIRTIO_QUEUE_READY: model_selected(model)->ready = (uint32_t)value; break;
    case VIRTIO_QUEUE_NOTIFY:
        cr_assert_eq(order, MMIO_FENCED, "the device must see what it is notified of");
        cr_assert(model->status & VIRTIO_DRIVER_OK);
        model->notified++;
        break;
    case VIRTIO_INTERRUPT_ACK: model->interrupt &= ~(uint32_t)value; break;
    case VIRTIO_STATUS: model_write_status(model, (uint32_t)value); break;
    default:
        cr_assert(offset >= VIRTIO_QUEUE_DESCRIPTORS && offset < VIRTIO_QUEUE_DEVICE + 8,
                  "register 0x%lx cannot be written", (unsigned long)offset);
        model_write_address(model, offset, value);
    }
}

static const struct mmio_access model_access = {model_read, model_write};

/* A healthy disk of so many sectors, each filled with its number. */
static inline struct model *model_new(uint64_t sectors)
{
    struct model *model = calloc(1, sizeof(*model));

    *model = (struct model){
        .regs = {&model_access, model, 0x200, "virtio_mmio@10008000", 0},
        .magic = VIRTIO_MAGIC,
        .version = 2,
        .device_id = 2,
        .queue_max = MODEL_QUEUE_MAX,
        .queues = 1,
        .offered = VIRTIO_F_VERSION_1 | 1 << 9,
        .config = {sectors},
        .sectors = sectors,
        .disk = malloc(sectors * MODEL_SECTOR),
    };
    for (uint64_t i = 0; i < sectors; i++)
        memset(model->disk + i * MODEL_SECTOR, (int)(i & 0xff), MODEL_SECTOR);
    return model;
}

static inline void model_free(struct model *model)
{
    free(model->disk);
    free(model);
}

static inline struct virtq_avail *model_avail(const struct model_queue *queue)
{
    return (struct virtq_avail *)queue->address[1];
}

static inline struct virtq_used *model_used(const struct model_queue *queue)
{
    return (struct virtq_used *)queue->address[2];
}

/* How many requests the driver has made available and the device not taken. */
static inline unsigned model_waiting(const struct model_queue *queue)
{
    return queue->ready ? (uint16_t)(model_avail(queue)->index - queue->seen) : 0;
}

/* Follows a chain of descriptors; returns how many parts it has. */
static inline unsigned model_chain(const struct model_queue *queue, uint16_t head, struct model_part *part,
                                   unsigned max)
{
    const struct virtq_desc *table = (const struct virtq_desc *)queue->address[0];
    unsigned count = 0;

    for (uint16_t at = head;; at = table[at].next) {
        cr_assert_lt(at, queue->size);
        cr_assert_lt(count, max, "chain without an end");
        part[count++] = (struct model_part){(uint8_t *)table[at].address, table[at].length,
                                            (table[at].flags & VIRTQ_DESC_WRITE) != 0};
        if ((table[at].flags & VIRTQ_DESC_NEXT) == 0)
            return count;
    }
}

/* Does a block request (section 5.2.6); returns the bytes written. */
static inline uint32_t model_block(struct model *model, const struct model_part *part, unsigned count)
{
    uint32_t type, written = 0;
    uint64_t sector;
    uint8_t status = model->next_status;

    cr_assert(count >= 2 && part[0].length == 16 && !part[0].writable);
    cr_assert(part[count - 1].length == 1 && part[count - 1].writable);
    memcpy(&type, part[0].data, 4);
    memcpy(&sector, part[0].data + 8, 8);
    uint32_t block = model->block_bytes > 0 ? model->block_bytes : MODEL_SECTOR;
    for (unsigned i = 1; i + 1 < count && status == 0; i++) {
        cr_assert(sector * MODEL_SECTOR % block == 0 && part[i].length % block == 0);
        cr_assert(sector + part[i].length / MODEL_SECTOR <= model->sectors, "past the end of the disk");
        cr_assert_eq(part[i].writable, type == 0);
        uint8_t *medium = model->disk + sector * MODEL_SECTOR;
        memcpy(type == 0 ? part[i].data : medium, type == 0 ? medium : part[i].data, part[i].length);
        sector += part[i].length / MODEL_SECTOR;
        written += type == 0 ? part[i].length : 0;
    }
    *part[count - 1].data = status;
    model->next_status = 0;
    return written + 1;
}

/* Puts a finished request into the used ring, with the misbehaviour that is due. */
static inline void model_finish(struct model *model, struct model_queue *queue, uint16_t head,
                                uint32_t written)
{
    struct virtq_used *used = model_used(queue);
    struct virtq_used_element *element = &used->ring[used->index % queue->size];

    element->id = model->bad_id ? queue->size + 3 : head;
    element->length = model->bad_length ? 0x7fffffff : written;
    if (model->repeat_id)
        element->id = used->ring[(uint16_t)(used->index - 1) % queue->size].id;
    used->index += model->bad_index ? 200 : 1;
    model->bad_id = model->bad_length = model->bad_index = model->repeat_id = false;
    if ((model_avail(queue)->flags & VIRTQ_AVAIL_NO_INTERRUPT) == 0)
        model->interrupt |= VIRTIO_INTERRUPT_QUEUE;
}

/* The head of the n-th request that waits. */
static inline uint16_t model_head(const struct model_queue *queue, unsigned n)
{
    return model_avail(queue)->ring[(uint16_t)(queue->seen + n) % queue->size];
}

/* Takes and finishes up to `max` block requests, the newest of them first if asked to; returns how many. */
static inline unsigned model_run(struct model *model, unsigned max, bool backwards)
{
    struct model_queue *queue = &model->queue[0];
    unsigned count = model_waiting(queue) < max ? model_waiting(queue) : max;

    for (unsigned i = 0; i < count; i++) {
        uint16_t head = model_head(queue, backwards ? count - 1 - i : i);
        struct model_part part[8];
        unsigned parts = model_chain(queue, head, part, 8);
        model_finish(model, queue, head, model_block(model, part, parts));
    }
    queue->seen += (uint16_t)count;
    return count;
}
