/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues (Virtual I/O Device specification 1.1, section 2.6), the driver's side. The queue's memory
 * is shared with the device. What the driver needs to remember it keeps to itself, so that nothing that the
 * device writes (indexes, descriptor numbers, lengths) can do more harm than being found out.
 */
#pragma once

#include <driver/cache.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRTQUEUE_MAX_SIZE 256

/* The shared part. All numbers are little endian. */
enum virtq_desc_flag { VIRTQ_DESC_NEXT = 1, VIRTQ_DESC_WRITE = 2 };
struct virtq_desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
enum virtq_avail_flag { VIRTQ_AVAIL_NO_INTERRUPT = 1 };
struct virtq_avail {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[];
};
struct virtq_used_element {
    uint32_t id;
    uint32_t length;
};
enum virtq_used_flag { VIRTQ_USED_NO_NOTIFY = 1 };
struct virtq_used {
    uint16_t flags;
    uint16_t index;
    struct virtq_used_element ring[];
};
_Static_assert(sizeof(struct virtq_desc) == 16 && sizeof(struct virtq_used_element) == 8, "section 2.6");

/* One piece of memory of a request. */
struct virtqueue_buffer {
    uint64_t physical;
    uint32_t length;
    bool device_writes;
};

struct virtqueue {
    struct cache cache;
    volatile struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    uint32_t index;      /* number of the queue */
    uint16_t size;       /* entries, power of two */
    uint16_t free_count; /* descriptors */
    uint16_t free_head;
    uint16_t made, taken;              /* free-running: chains made available, used entries taken */
    uint16_t under_way;                /* chains that the device has */
    uint16_t next[VIRTQUEUE_MAX_SIZE]; /* of the chain or of the free list that a descriptor is in */
    struct virtqueue_chain {
        uint16_t count;    /* descriptors; 0: no chain begins here */
        uint32_t writable; /* bytes that the device may write */
        uint32_t token;
    } chain[VIRTQUEUE_MAX_SIZE];
    const char *fault; /* what the device got wrong; NULL: nothing so far */
};

/* Bytes of memory for a queue of `size` entries, and where in it the device finds the three parts. */
uint64_t virtqueue_bytes(uint32_t size);
uint64_t virtqueue_avail_offset(uint32_t size);
uint64_t virtqueue_used_offset(uint32_t size);
/* Starts with an empty queue in the memory, which must be zeroed and of virtqueue_bytes(size). */
void virtqueue_init(struct virtqueue *queue, const struct cache *cache, uint32_t index, uint16_t size,
                    void *memory);
/* Puts in a request of `count` buffers, those that the device reads first. False when there is no room. The
 * device sees it after virtqueue_publish(); `token` comes back when it is done. */
bool virtqueue_add(struct virtqueue *queue, const struct virtqueue_buffer *buffer, unsigned count,
                   uint32_t token);
/* Shows the device what was added; true when the device must be notified. */
bool virtqueue_publish(struct virtqueue *queue);
/* Takes one finished request; *length is how many bytes the device says it wrote. False when there is none,
 * or when what the device wrote makes no sense: then queue->fault says what, and only a reset helps. */
bool virtqueue_take(struct virtqueue *queue, uint32_t *token, uint32_t *length);
/* Whether the device should interrupt for finished requests (a hint to it). Returns true when switching on
 * came too late for some that are finished already. */
bool virtqueue_want_interrupts(struct virtqueue *queue, bool wanted);
