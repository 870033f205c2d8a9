/* SPDX-License-Identifier: MIT */
/* What the virtio network driver gets from the system, a model of an interface, and a client with a ring. */
#pragma once

#include "../../user/virtio-net/nic.h"
#include "rt_stub.h"
#include "virtio_model.h"

#define ENTRIES 512
#define NOTIFY  5000 /* capability slot of the client's notification */
#define CLIENT  3
#define BUFFER  2048
#define HEADER  12

/* --- What the driver gets from the system --- */

static unsigned borrowed, signals, next_slot;
static char *memory; /* the client's */
static const size_t memory_bytes = 1 << 20;

enum error device_dma_borrow(struct segment *segment, cap_t cap)
{
    if (cap != 99)
        return ERR_NOT_FOUND;
    borrowed++;
    *segment = (struct segment){.cap = cap, .address = memory, .length = memory_bytes};
    segment->physical = (uint64_t)memory;
    return ERR_OK;
}

void device_dma_return(struct segment *segment)
{
    borrowed--;
    *segment = (struct segment){0};
}

cap_t slot_alloc(void)
{
    return ++next_slot;
}

void slot_free(cap_t slot)
{
    (void)slot;
}

enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    cr_assert(cnode == START_CNODE && slot != 0 && source_cnode == 0 && source == 77);
    cr_assert_eq(rights, RIGHT_SIGNAL);
    cr_assert_geq(badge, 1 << ETH_DOORBELL);
    return ERR_OK;
}

enum error notification_signal(cap_t notification)
{
    cr_assert_eq(notification, NOTIFY);
    signals++;
    return ERR_OK;
}

/* --- An interface and its client --- */

static const struct cache coherent;
static struct model *model;
static struct nic nic;
static void *nic_memory;
static struct ring_side ring;

static inline void set_up(void)
{
    stub_log_clear();
    borrowed = signals = 0;
    model = model_new(1);
    model->device_id = 1;
    model->queues = 2;
    model->offered = VIRTIO_F_VERSION_1 | 1 << 5 | 1 << 16;
    model->config[0] = 0x0001563412005452; /* 52:54:00:12:34:56, the link is up */
    nic_memory = calloc(1, nic_memory_bytes());
    memory = aligned_alloc(4096, memory_bytes);
    nic = (struct nic){0};
    eth_server_setup(77);
}

static inline void tear_down(void)
{
    model_free(model);
    free(nic_memory);
    free(memory);
}

static inline void open_nic(void)
{
    cr_assert_eq(
        nic_open(&nic, "virtio_mmio@10007000", &model->regs, &coherent, nic_memory, (uint64_t)nic_memory),
        ERR_OK);
}

static inline void attach(void)
{
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT, 99, NOTIFY, ENTRIES), ERR_OK);
    ring_client_init(&ring, memory, ENTRIES);
}

static inline void open_and_attach(void)
{
    open_nic();
    attach();
}

static inline uint64_t data_at(unsigned i)
{
    return 65536 + (uint64_t)i * BUFFER;
}

static inline void submit(enum eth_op op, uint64_t offset, uint32_t length, uint64_t cookie)
{
    struct ring_request request = {op, length, offset, 0, cookie};

    cr_assert(ring_submit(&ring, &request));
}

static inline void run(void)
{
    ring_submit_publish(&ring);
    eth_run(&nic.unit);
}

static inline void interrupt(void)
{
    nic_interrupt(&nic);
    eth_run(&nic.unit);
}

static inline struct ring_completion complete(void)
{
    struct ring_completion completion = {.status = 1234};

    cr_assert(ring_take_completion(&ring, &completion), "nothing was completed");
    return completion;
}

static inline bool nothing_completed(void)
{
    struct ring_completion completion;

    return !ring_take_completion(&ring, &completion);
}

/* The device receives a frame of `length` bytes, all of them `fill`. */
static inline void frame_comes(uint8_t fill, uint32_t length)
{
    struct model_queue *queue = &model->queue[0];
    struct model_part part[8];

    cr_assert_gt(model_waiting(queue), 0, "there is no buffer");
    uint16_t head = model_head(queue, 0);
    cr_assert_eq(model_chain(queue, head, part, 8), 2);
    cr_assert(part[0].writable && part[0].length == HEADER && part[1].writable && part[1].length >= length);
    memset(part[0].data, 0, HEADER);
    memset(part[1].data, fill, length);
    model_finish(model, queue, head, HEADER + length);
    queue->seen++;
    interrupt();
}

/* The device sends one frame; returns its bytes without the header, in `frame`. */
static inline size_t frame_goes(uint8_t *frame)
{
    struct model_queue *queue = &model->queue[1];
    struct model_part part[10];
    size_t length = 0;

    cr_assert_gt(model_waiting(queue), 0, "there is no frame");
    uint16_t head = model_head(queue, 0);
    unsigned count = model_chain(queue, head, part, 10);
    cr_assert(!part[0].writable && part[0].length == HEADER);
    for (unsigned i = 0; i < HEADER; i++)
        cr_assert_eq(part[0].data[i], 0, "no offload was agreed on");
    for (unsigned i = 1; i < count; i++) {
        cr_assert(!part[i].writable);
        memcpy(frame + length, part[i].data, part[i].length);
        length += part[i].length;
    }
    model_finish(model, queue, head, 0);
    queue->seen++;
    interrupt();
    return length;
}
