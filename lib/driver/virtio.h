/* SPDX-License-Identifier: MIT */
/*
 * Virtio devices (Virtual I/O Device specification 1.1) behind memory-mapped registers, as a driver needs
 * them: the handshake (section 3.1), feature negotiation (2.2), device configuration (2.4) and interrupts.
 * Only devices of the current kind, with VIRTIO_F_VERSION_1. Queues are in virtqueue.h. Every failure has
 * been logged.
 *
 * Order of calls: virtio_open, virtio_negotiate, virtio_queue for each queue, virtio_start.
 */
#pragma once

#include <abi/error.h>
#include <driver/mmio.h>
#include <driver/virtqueue.h>
#include <stdbool.h>

#define VIRTIO_MAGIC        0x74726976u /* "virt" */
#define VIRTIO_MMIO_VERSION 2
#define VIRTIO_MMIO_LEGACY  1
#define VIRTIO_F_VERSION_1  (1ull << 32)

/* Registers (section 4.2.2). */
enum virtio_register {
    VIRTIO_MAGIC_VALUE = 0x000,
    VIRTIO_VERSION = 0x004,
    VIRTIO_DEVICE_ID = 0x008,
    VIRTIO_DEVICE_FEATURES = 0x010,
    VIRTIO_DEVICE_FEATURES_SELECT = 0x014,
    VIRTIO_DRIVER_FEATURES = 0x020,
    VIRTIO_DRIVER_FEATURES_SELECT = 0x024,
    VIRTIO_QUEUE_SELECT = 0x030,
    VIRTIO_QUEUE_SIZE_MAX = 0x034,
    VIRTIO_QUEUE_SIZE = 0x038,
    VIRTIO_QUEUE_READY = 0x044,
    VIRTIO_QUEUE_NOTIFY = 0x050,
    VIRTIO_INTERRUPT_STATUS = 0x060,
    VIRTIO_INTERRUPT_ACK = 0x064,
    VIRTIO_STATUS = 0x070,
    VIRTIO_QUEUE_DESCRIPTORS = 0x080, /* addresses: low half, and 4 bytes on the high half */
    VIRTIO_QUEUE_DRIVER = 0x090,
    VIRTIO_QUEUE_DEVICE = 0x0a0,
    VIRTIO_CONFIG_GENERATION = 0x0fc,
    VIRTIO_CONFIG = 0x100,
};

/* Bits of the status register (section 2.1). */
enum virtio_status {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

/* Bits of the interrupt status register. */
enum virtio_interrupt { VIRTIO_INTERRUPT_QUEUE = 1, VIRTIO_INTERRUPT_CONFIG = 2 };

struct virtio {
    struct mmio *regs;
    struct cache cache; /* between the driver and the device */
    uint64_t features;  /* agreed on */
};

/* Checks that there is a device of type `device_id`, resets it and says that it was noticed. ERR_NO_DEVICE:
 * none, or of another type; ERR_UNSUPPORTED: of a kind that this code cannot drive; ERR_IO: does not come out
 * of reset. */
enum error virtio_open(struct virtio *virtio, struct mmio *regs, const struct cache *cache,
                       uint32_t device_id);
/* Agrees on those of `wanted` that the device offers, and on all of `required` (VIRTIO_F_VERSION_1 always
 * is). */
enum error virtio_negotiate(struct virtio *virtio, uint64_t wanted, uint64_t required);
/* Makes queue `index` of at most `size` entries (power of two) in memory of virtqueue_bytes(size), zeroed,
 * 16-byte aligned, at address `physical` for the device. */
enum error virtio_queue(struct virtio *virtio, struct virtqueue *queue, uint32_t index, uint32_t size,
                        void *memory, uint64_t physical);
/* The device may use its queues from here on. */
void virtio_start(struct virtio *virtio);
/* Stops the device: it touches no memory any more when this returns. ERR_IO when it does not obey. */
enum error virtio_reset(struct virtio *virtio);
/* Tells the device that this driver has given up on it. */
void virtio_fail(struct virtio *virtio);
/* Tells the device of what was added to the queue, unless it does not want to be told. */
void virtio_kick(struct virtio *virtio, struct virtqueue *queue);
/* Why the device interrupts (enum virtio_interrupt), and takes the interrupt back. */
uint32_t virtio_interrupt(struct virtio *virtio);
/* Whether the device says that it cannot go on without a reset. */
bool virtio_needs_reset(struct virtio *virtio);
/* A number in the device's configuration, at a byte offset; consistent even if the device changes it
 * meanwhile. */
uint32_t virtio_config32(struct virtio *virtio, uint64_t offset);
uint64_t virtio_config64(struct virtio *virtio, uint64_t offset);
