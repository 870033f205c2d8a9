/* SPDX-License-Identifier: MIT */
/* A virtio network device. */
#include "nic.h"

#include <base/checked.h>
#include <rt/rt.h>
#include <string.h>

#define DEVICE_ID_NETWORK 1
#define RECEIVE_QUEUE     0
#define SEND_QUEUE        1

/* Feature bits (section 5.1.3). */
#define FEATURE_MTU       (1ull << 3)
#define FEATURE_MAC       (1ull << 5)
#define FEATURE_STATUS    (1ull << 16)
#define FEATURES          (FEATURE_MTU | FEATURE_MAC | FEATURE_STATUS)

/* Device configuration (section 5.1.4), in words: address and status, pairs of queues, MTU. */
#define CONFIG_ADDRESS    0
#define CONFIG_STATUS     4 /* in the upper half */
#define CONFIG_MTU        8 /* in the upper half */
#define STATUS_LINK_UP    1

#define MTU_USUAL         1500
#define MTU_LEAST         68 /* RFC 791 */
#define MTU_MOST          9000

/* Before each frame (section 5.1.6, struct virtio_net_hdr). Without offloads all of it is zero when a
 * frame is sent, and says nothing when one is received: so one does for all that are sent, one for all
 * that are received. */
#define HEADER_BYTES      12

struct headers {
    uint8_t sent[CACHE_BLOCK_MAX], received[CACHE_BLOCK_MAX];
};

static uint64_t send_queue_offset(void)
{
    return align_up(virtqueue_bytes(NIC_QUEUE_SIZE), CACHE_BLOCK_MAX);
}

static uint64_t headers_offset(void)
{
    return 2 * send_queue_offset();
}

uint64_t nic_memory_bytes(void)
{
    return headers_offset() + sizeof(struct headers);
}

/* --- Set-up --- */

static void read_link(struct nic *nic)
{
    bool tells = nic->virtio.features & FEATURE_STATUS;

    nic->unit.link_up = !tells || (virtio_config32(&nic->virtio, CONFIG_STATUS) >> 16 & STATUS_LINK_UP);
}

/* A device without an address of its own is given one that nobody else is likely to have: local (bit 1 of the
 * first byte), and of its registers' place. */
static void read_config(struct nic *nic)
{
    uint64_t address = virtio_config64(&nic->virtio, CONFIG_ADDRESS);
    uint32_t mtu = MTU_USUAL;

    if (nic->virtio.features & FEATURE_MAC)
        memcpy(nic->unit.address, &address, ETH_ADDRESS_BYTES);
    else
        memcpy(nic->unit.address,
               (uint8_t[]){0x02, 'v', 'n', (uint8_t)(nic->physical >> 24), (uint8_t)(nic->physical >> 16),
                           (uint8_t)(nic->physical >> 12)},
               ETH_ADDRESS_BYTES);
    if (nic->virtio.features & FEATURE_MTU)
        mtu = virtio_config32(&nic->virtio, CONFIG_MTU) >> 16;
    nic->unit.mtu = mtu < MTU_LEAST ? MTU_USUAL : mtu > MTU_MOST ? MTU_MOST : mtu;
    read_link(nic);
}

static void free_all(struct nic *nic)
{
    for (uint32_t i = 0; i < NIC_MAX_BUFFERS; i++)
        nic->buffer[i] = (struct nic_transfer){.next = i + 1};
    for (uint32_t i = 0; i < NIC_MAX_FRAMES; i++)
        nic->frame[i] = (struct nic_transfer){.next = i + 1};
    nic->free_buffer = nic->free_frame = 0;
}

/* The handshake from reset to running, with empty queues. */
static enum error start(struct nic *nic)
{
    char *memory = nic->memory;
    enum error error = virtio_open(&nic->virtio, &nic->regs, &nic->cache, DEVICE_ID_NETWORK);

    if (!error)
        error = virtio_negotiate(&nic->virtio, FEATURES, 0);
    if (error)
        return error;
    memset(memory, 0, nic_memory_bytes());
    cache_flush(&nic->cache, memory + headers_offset(), sizeof(struct headers));
    free_all(nic);
    error = virtio_queue(&nic->virtio, &nic->receive, RECEIVE_QUEUE, NIC_QUEUE_SIZE, memory, nic->physical);
    if (!error) {
        error = virtio_queue(&nic->virtio, &nic->send, SEND_QUEUE, NIC_QUEUE_SIZE,
                             memory + send_queue_offset(), nic->physical + send_queue_offset());
    }
    if (error)
        return error;
    read_config(nic);
    nic->waits = false;
    virtqueue_want_interrupts(&nic->send, false);
    virtio_start(&nic->virtio);
    return ERR_OK;
}

/* --- Towards the device --- */

static bool can_receive(const struct eth_unit *unit)
{
    const struct nic *nic = (const struct nic *)unit;

    return nic->free_buffer < NIC_MAX_BUFFERS && nic->receive.free_count >= 2;
}

static bool can_send(const struct eth_unit *unit, unsigned pieces)
{
    const struct nic *nic = (const struct nic *)unit;

    return nic->free_frame < NIC_MAX_FRAMES && nic->send.free_count > pieces;
}

static uint64_t header_at(const struct nic *nic, size_t offset)
{
    return nic->physical + headers_offset() + offset;
}

static void give_buffer(struct eth_unit *unit, const struct eth_piece *piece)
{
    struct nic *nic = (struct nic *)unit;
    uint32_t i = nic->free_buffer;
    struct virtqueue_buffer buffer[2] = {
        {header_at(nic, offsetof(struct headers, received)), HEADER_BYTES, true},
        {piece->physical, piece->length, true},
    };

    nic->free_buffer = nic->buffer[i].next;
    nic->buffer[i] = (struct nic_transfer){
        .pieces = 1, .cookie = {piece->cookie}, .data = piece->data, .length = piece->length};
    cache_flush(&nic->cache, piece->data, piece->length);
    virtqueue_add(&nic->receive, buffer, 2, i);
}

static void give_frame(struct eth_unit *unit, const struct eth_piece *piece, unsigned count)
{
    struct nic *nic = (struct nic *)unit;
    uint32_t i = nic->free_frame;
    struct virtqueue_buffer buffer[1 + ETH_MAX_PIECES] = {
        {header_at(nic, offsetof(struct headers, sent)), HEADER_BYTES, false},
    };

    nic->free_frame = nic->frame[i].next;
    nic->frame[i].pieces = count;
    for (unsigned n = 0; n < count; n++) {
        nic->frame[i].cookie[n] = piece[n].cookie;
        buffer[1 + n] = (struct virtqueue_buffer){piece[n].physical, piece[n].length, false};
        cache_clean(&nic->cache, piece[n].data, piece[n].length);
    }
    virtqueue_add(&nic->send, buffer, 1 + count, i);
}

static bool restart(struct eth_unit *unit)
{
    struct nic *nic = (struct nic *)unit;

    if (virtio_reset(&nic->virtio))
        return false;
    if (start(nic)) {
        rt_log("%s: given up", unit->name);
        unit->failed = ERR_IO;
    }
    return true;
}

/* --- From the device --- */

static void frame_over(struct nic *nic, struct nic_transfer *frame, enum error status)
{
    unsigned count = frame->pieces;

    frame->pieces = 0;
    for (unsigned i = 0; i < count; i++)
        eth_sent(&nic->unit, frame->cookie[i], status);
}

static void buffer_over(struct nic *nic, struct nic_transfer *buffer, enum error status, uint32_t length)
{
    if (buffer->pieces > 0)
        eth_finished(&nic->unit, buffer->cookie[0], status, length);
    buffer->pieces = 0;
}

static void finish_buffer(struct nic *nic, uint32_t i, uint32_t written)
{
    struct nic_transfer *buffer = &nic->buffer[i];

    bool good = written > HEADER_BYTES;

    cache_invalidate(&nic->cache, buffer->data, buffer->length);
    buffer_over(nic, buffer, good ? ERR_OK : ERR_IO, good ? written - HEADER_BYTES : 0);
    buffer->next = nic->free_buffer;
    nic->free_buffer = i;
}

static void finish_frame(struct nic *nic, uint32_t i)
{
    frame_over(nic, &nic->frame[i], ERR_OK);
    nic->frame[i].next = nic->free_frame;
    nic->free_frame = i;
}

static void take_received(struct nic *nic)
{
    struct virtqueue *queue = &nic->receive;
    uint32_t i, written;

    do {
        virtqueue_want_interrupts(queue, false);
        while (virtqueue_take(queue, &i, &written))
            finish_buffer(nic, i, written);
    } while (queue->fault == NULL && virtqueue_want_interrupts(queue, true));
}

/* What the device has sent is looked for whenever something else has to be done; it interrupts for that only
 * while frames wait for room. */
static void collect(struct eth_unit *unit)
{
    struct nic *nic = (struct nic *)unit;
    uint32_t i, written;

    while (virtqueue_take(&nic->send, &i, &written))
        finish_frame(nic, i);
}

static bool kick(struct eth_unit *unit, bool wait)
{
    struct nic *nic = (struct nic *)unit;

    virtio_kick(&nic->virtio, &nic->receive);
    virtio_kick(&nic->virtio, &nic->send);
    if (wait == nic->waits)
        return false;
    nic->waits = wait;
    return virtqueue_want_interrupts(&nic->send, wait);
}

/* What was under way comes back as failed; what the client will submit finds an empty queue. */
static void fail_all(struct nic *nic)
{
    for (unsigned i = 0; i < NIC_MAX_FRAMES; i++)
        frame_over(nic, &nic->frame[i], ERR_IO);
    for (unsigned i = 0; i < NIC_MAX_BUFFERS; i++)
        buffer_over(nic, &nic->buffer[i], ERR_IO, 0);
}

/* After the device did something that it must not: stops it, so that it lets go of all memory, fails what was
 * under way and starts it anew. */
static void recover(struct nic *nic, const char *why)
{
    rt_log("%s: %s; resetting it", nic->unit.name, why);
    bool stopped = !virtio_reset(&nic->virtio);
    fail_all(nic);
    nic->unit.resets++;
    if (!stopped || nic->unit.resets > NIC_MAX_RESETS || start(nic)) {
        rt_log("%s: given up", nic->unit.name);
        nic->unit.failed = ERR_IO;
        eth_changed(&nic->unit);
    }
}

static void take_config(struct nic *nic)
{
    bool before = nic->unit.link_up;

    read_link(nic);
    if (nic->unit.link_up == before)
        return;
    rt_log("%s: link %s", nic->unit.name, nic->unit.link_up ? "up" : "down");
    eth_changed(&nic->unit);
}

void nic_interrupt(struct nic *nic)
{
    if (nic->unit.failed)
        return;
    uint32_t why = virtio_interrupt(&nic->virtio);
    take_received(nic);
    collect(&nic->unit);
    const char *fault = nic->receive.fault != NULL ? nic->receive.fault : nic->send.fault;
    if (fault != NULL)
        recover(nic, fault);
    else if ((why & VIRTIO_INTERRUPT_CONFIG) && virtio_needs_reset(&nic->virtio))
        recover(nic, "it asks for a reset");
    else if (why & VIRTIO_INTERRUPT_CONFIG)
        take_config(nic);
}

/* --- What the frame server calls --- */

static const struct eth_driver nic_driver = {.can_send = can_send,
                                             .can_receive = can_receive,
                                             .send = give_frame,
                                             .receive = give_buffer,
                                             .collect = collect,
                                             .kick = kick,
                                             .restart = restart};

enum error nic_open(struct nic *nic, const char *name, const struct mmio *regs, const struct cache *cache,
                    void *memory, uint64_t physical)
{
    nic->unit.driver = &nic_driver;
    nic->unit.name = name;
    nic->regs = *regs;
    nic->cache = *cache;
    nic->memory = memory;
    nic->physical = physical;
    return start(nic);
}
