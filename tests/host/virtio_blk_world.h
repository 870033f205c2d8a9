/* SPDX-License-Identifier: MIT */
/* What the virtio disk driver gets from the system, a model of a disk, and clients with rings. */
#pragma once

#include "../../user/virtio-blk/disk.h"
#include "rt_stub.h"
#include "virtio_model.h"

#define SECTORS 64
#define NOTIFY  5000 /* capability slot of the client's notification */

/* --- What the driver gets from the system --- */

static unsigned segments, signals, next_slot;
static cap_t freed_slot, signalled;

enum error device_dma(struct segment *segment, size_t length)
{
    segments++;
    *segment = (struct segment){.cap = 99, .address = calloc(1, length), .length = length};
    segment->physical = (uint64_t)segment->address;
    return ERR_OK;
}

void device_dma_free(struct segment *segment)
{
    segments--;
    free(segment->address); /* a device that still writes to it is noticed */
    *segment = (struct segment){0};
}

void segment_drop(struct segment *segment)
{
    *segment = (struct segment){0};
}

cap_t slot_alloc(void)
{
    return ++next_slot;
}

void slot_free(cap_t slot)
{
    freed_slot = slot;
}

enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    cr_assert(cnode == START_CNODE && slot != 0 && source_cnode == 0 && source == 77);
    cr_assert_eq(rights, RIGHT_SIGNAL);
    cr_assert_geq(badge, 1 << BLK_DOORBELL);
    return ERR_OK;
}

enum error notification_signal(cap_t notification)
{
    signals++;
    signalled = notification;
    return ERR_OK;
}

/* --- A disk and clients --- */

static const struct cache coherent;
static struct model *model;
static struct disk disk;
static void *disk_memory;

static inline void set_up(void)
{
    stub_log_clear();
    segments = signals = 0;
    model = model_new(SECTORS);
    disk_memory = calloc(1, disk_memory_bytes());
    disk = (struct disk){0};
    blk_server_setup(77);
}

static inline void tear_down(void)
{
    model_free(model);
    free(disk_memory);
}

static inline void open_disk(void)
{
    cr_assert_eq(disk_open(&disk, "virtio_mmio@10008000", &model->regs, &coherent, disk_memory,
                           (uint64_t)disk_memory),
                 ERR_OK);
}

struct client {
    uint64_t number;
    struct blk_session *session;
    struct ring_side ring;
    uint8_t *data;
    uint64_t data_bytes;
};

static inline struct client attach_sized(uint64_t number, bool writable, uint64_t data_bytes,
                                         uint64_t entries)
{
    struct client client = {.number = number};
    struct blk_attach_request request = {0, data_bytes, entries};
    struct blk_attach_reply reply = {0};

    cr_assert_eq(blk_session_open(&disk.unit, number, writable, NOTIFY + (cap_t)number, &request, &reply,
                                  &client.session),
                 ERR_OK);
    uint8_t *memory = client.session->segment.address;
    cr_assert_leq(reply.data_offset + reply.data_bytes, reply.segment_length);
    cr_assert_leq(reply.ring_offset + ring_bytes((uint32_t)reply.ring_entries), reply.data_offset);
    ring_client_init(&client.ring, memory + reply.ring_offset, (uint32_t)reply.ring_entries);
    client.data = memory + reply.data_offset;
    client.data_bytes = reply.data_bytes;
    return client;
}

static inline struct client attach(uint64_t number)
{
    return attach_sized(number, true, 8 * 4096, 16);
}

/* Submits a request and rings when that is needed; returns whether it was. */
static inline bool submit(struct client *client, struct ring_request request)
{
    cr_assert(ring_submit(&client->ring, &request));
    if (!ring_submit_publish(&client->ring))
        return false;
    blk_run();
    return true;
}

/* The device does its work and interrupts. */
static inline void device_works(unsigned count)
{
    model_run(model, count, false);
    if (model->interrupt != 0) {
        disk_interrupt(&disk);
        blk_run();
    }
}

static inline struct ring_completion complete(struct client *client)
{
    struct ring_completion completion = {.status = 1234};

    cr_assert(ring_take_completion(&client->ring, &completion), "nothing was completed");
    return completion;
}

static inline enum error do_request(struct client *client, struct ring_request request)
{
    submit(client, request);
    device_works(1);
    struct ring_completion completion = complete(client);
    cr_assert_eq(completion.cookie, request.cookie);
    cr_assert_eq(completion.length, !completion.status ? request.length : 0);
    return completion.status;
}
