/* SPDX-License-Identifier: MIT */
/*
 * One virtio network device (Virtual I/O Device specification 1.1, section 5.1): set-up, frames in flight,
 * completion, and recovery by reset when the device misbehaves. The client is the frame server's.
 */
#pragma once

#include <driver/eth_server.h>
#include <driver/virtio.h>

#define NIC_QUEUE_SIZE  256
#define NIC_MAX_BUFFERS (NIC_QUEUE_SIZE / 2) /* each takes two descriptors: header, data */
#define NIC_MAX_FRAMES  NIC_MAX_BUFFERS
#define NIC_MAX_RESETS  16 /* misbehaviour that is put up with */

/* Bytes of DMA memory that an interface needs. */
uint64_t nic_memory_bytes(void);

/* What is with the device: a buffer, or a frame in pieces. */
struct nic_transfer {
    uint32_t pieces; /* 0: free */
    uint32_t next;   /* free transfer behind this one */
    uint64_t cookie[ETH_MAX_PIECES];
    void *data; /* of a buffer */
    uint32_t length;
};

struct nic {
    struct eth_unit unit;
    struct mmio regs;
    struct cache cache;
    struct virtio virtio;
    struct virtqueue receive, send;
    void *memory;
    uint64_t physical;
    struct nic_transfer buffer[NIC_MAX_BUFFERS], frame[NIC_MAX_FRAMES];
    uint32_t free_buffer, free_frame; /* NIC_MAX_...: none */
    bool waits;                       /* the device interrupts for frames that it has sent */
};

/* Starts the device behind `regs`; `memory` is zeroed DMA memory of nic_memory_bytes(). Failures are
 * logged. */
enum error nic_open(struct nic *nic, const char *name, const struct mmio *regs, const struct cache *cache,
                    void *memory, uint64_t physical);
/* Handles an interrupt of the device: frames that came and went, the link, and a device that needs a
 * reset. */
void nic_interrupt(struct nic *nic);
