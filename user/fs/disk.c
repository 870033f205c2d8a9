/* SPDX-License-Identifier: MIT */
/* A session with a block driver: see disk.h. Up to SLOTS transfers are under way, each in a slot of the
 * memory that the driver shares. */
#include "disk.h"

#include <base/ring.h>
#include <proto/mm.h>
#include <rt/task.h>
#include <string.h>

#define SLOTS          16
#define RING_ENTRIES   32
#define ANSWER_TIMEOUT 2000000 /* us; after that the driver is asked whether it still knows us */
#define MAX_DISKS      64      /* however many a driver says it has */

/* One that is no transfer's is for flushes. */
static struct slot {
    bool busy; /* the driver has it */
    bool held; /* by who reads what is in it */
    bool is_write;
    uint32_t length;
    enum error status;
} slots[SLOTS + 1];
#define FLUSH_SLOT SLOTS

static struct ring_side ring;
static struct segment segment;
static uint8_t *shared; /* the slots' memory */
static unsigned slot_count;
static uint32_t slot_bytes;
static cap_t doorbell, signal_cap;
static cap_t driver;           /* that the session is with */
static uint64_t session;       /* number of the session, in each cookie */
static struct event completed; /* something was, or the session has ended */
static bool lost;              /* the session's disk is gone */
static enum error write_error; /* of a write since the last flush */

bool disk_find(struct disk *disk, unsigned unit)
{
    unsigned seen = 0;

    if (unit >= MAX_DISKS)
        return false;
    const struct start_cap *cap;
    for (unsigned i = 0; (cap = rt_session("blk", i)); i++) {
        struct blk_unit_request request = {0};
        struct blk_info_reply info = {0};

        if (blk_info(cap->slot, &request, &info))
            continue;
        if (unit - seen < info.units) {
            request.unit = unit - seen;
            *disk = (struct disk){.driver = cap->slot, .unit = request.unit};
            if (blk_info(cap->slot, &request, &disk->info))
                return false;
            disk->info.name[sizeof(disk->info.name) - 1] = 0;
            return true;
        }
        seen += info.units;
    }
    return false;
}

uint64_t disks_present(void)
{
    struct disk disk = {0};
    uint64_t mix = 0;

    for (unsigned unit = 0; disk_find(&disk, unit); unit++)
        mix = (mix * 31 + disk.info.sectors) * 31 + disk.info.medium + 1;
    return mix;
}

/* What the driver signals. */
static enum error make_signal(void)
{
    cap_t notification = serve_notification();

    if (signal_cap)
        return ERR_OK;
    signal_cap = notification ? slot_alloc() : 0;
    if (!signal_cap)
        return ERR_NO_MEMORY;
    return cnode_mint(START_CNODE, signal_cap, 0, notification, RIGHT_SIGNAL, DISK_SIGNAL);
}

/* What the driver said about its segment, checked before it is used. */
static enum error check_reply(const struct blk_attach_reply *reply)
{
    if (reply->ring_entries == 0 || reply->ring_entries > RING_MAX_ENTRIES ||
        reply->ring_entries & (reply->ring_entries - 1))
        return ERR_CORRUPT;
    if (ring_bytes(reply->ring_entries) > reply->segment_length ||
        reply->ring_offset > reply->segment_length - ring_bytes(reply->ring_entries) ||
        reply->ring_offset % 64)
        return ERR_CORRUPT;
    if (reply->data_bytes > reply->segment_length ||
        reply->data_offset > reply->segment_length - reply->data_bytes)
        return ERR_CORRUPT;
    return ERR_OK;
}

static void drop_session(void)
{
    struct proto_empty none;

    if (driver)
        blk_detach(driver, &none, &none);
    driver = 0;
    if (segment.address)
        segment_drop(&segment);
    segment = (struct segment){0};
    slot_free(doorbell);
    doorbell = 0;
    ring.shared = NULL;
    memset(slots, 0, sizeof(slots));
    write_error = ERR_OK;
    session++;
    event_broadcast(&completed);
}

static enum error open_session(struct disk *disk, uint64_t data_bytes, struct blk_attach_reply *reply)
{
    struct blk_attach_request request = {disk->unit, data_bytes, RING_ENTRIES};
    cap_t memory, bell;
    enum error error = blk_attach(disk->driver, &request, reply, signal_cap, &memory, &bell);

    if (error)
        return error;
    error = check_reply(reply);
    if (!error)
        error = segment_map(&segment, memory, reply->segment_length, MM_READ | MM_WRITE);
    if (error) {
        slot_free(memory);
        slot_free(bell);
        return error;
    }
    doorbell = bell;
    driver = disk->driver;
    lost = false;
    return ERR_OK;
}

/* What one transfer moves: whole sectors of the disk's own, as many as the driver takes. */
static uint32_t run_bytes_of(const struct disk *disk)
{
    uint64_t most =
        disk->info.max_sectors < DISK_RUN / BLK_SECTOR ? disk->info.max_sectors * BLK_SECTOR : DISK_RUN;

    return (uint32_t)align_down(most, disk->info.block_bytes);
}

enum error disk_attach(struct disk *disk)
{
    struct blk_attach_reply reply = {0};
    enum error error = make_signal();

    disk->run_bytes = run_bytes_of(disk);
    drop_session();
    if (!error)
        error =
            disk->run_bytes ? open_session(disk, (uint64_t)SLOTS * disk->run_bytes, &reply) : ERR_UNSUPPORTED;
    if (error)
        return error;
    if (reply.data_bytes < disk->run_bytes) {
        drop_session();
        return ERR_NO_MEMORY;
    }
    ring_client_init(&ring, (uint8_t *)segment.address + reply.ring_offset, reply.ring_entries);
    shared = (uint8_t *)segment.address + reply.data_offset;
    slot_bytes = disk->run_bytes;
    slot_count = reply.data_bytes / slot_bytes < SLOTS ? (unsigned)(reply.data_bytes / slot_bytes) : SLOTS;
    return ERR_OK;
}

/* Memory of a driver that is gone reads as zero (mm puts fresh pages there), so the constant that the driver
 * wrote into the ring tells. */
bool disk_is_alive(void)
{
    return ring.shared && !lost && __atomic_load_n(&ring.shared->entries, __ATOMIC_RELAXED) == ring.entries;
}

bool disk_is_lost(void)
{
    return lost;
}

/* --- Requests --- */

static void take_completions(void)
{
    struct ring_completion completion;

    while (ring_take_completion(&ring, &completion)) {
        uint64_t index = completion.cookie & 0xff;
        if (completion.cookie >> 8 != session || index > SLOTS || !slots[index].busy)
            continue;
        struct slot *slot = &slots[index];
        slot->busy = false;
        slot->status = completion.status;
        if (!slot->status && completion.length != slot->length)
            slot->status = ERR_IO;
        lost |= slot->status == ERR_NO_DEVICE;
    }
}

void disk_signalled(void)
{
    if (!ring.shared)
        return;
    ring_client_wake(&ring);
    take_completions();
    event_broadcast(&completed);
}

static void publish(void)
{
    if (ring_submit_publish(&ring))
        notification_signal(doorbell);
}

static enum error gone(void)
{
    return lost ? ERR_NO_DEVICE : ERR_PEER_GONE;
}

/* Waits until something was completed; the driver knows of all that was submitted. ERR_CANCELLED, ERR_BUSY:
 * the task shall not or cannot wait. A driver that is slow is waited for. */
static enum error wait_for_something(void)
{
    enum error error = ERR_OK;

    publish();
    if (!ring_client_sleep(&ring))
        error = event_wait(&completed, rt_ticks() + rt_ticks_of_us(ANSWER_TIMEOUT));
    if ((error == ERR_BUSY || error == ERR_NO_MEMORY) && task_is_shielded()) {
        tasks_wait_here();
        error = ERR_OK;
    }
    if (error == ERR_PEER_GONE) /* the client, not the driver */
        return ERR_CANCELLED;
    if (error && error != ERR_TIMED_OUT)
        return error;
    if (!disk_is_alive())
        return gone();
    take_completions();
    return disk_is_alive() ? ERR_OK : gone();
}

/* Until what is in the slot is over; the session may have ended, and another one have begun, meanwhile. */
static enum error wait_for_slot(unsigned index)
{
    uint64_t mine = session;
    enum error error = disk_is_alive() ? ERR_OK : gone();

    while (!error && session == mine && slots[index].busy)
        error = wait_for_something();
    return session != mine ? ERR_PEER_GONE : error;
}

/* What became of a write that is over is remembered, because its slot is used again. */
static void note_write(struct slot *slot)
{
    if (slot->is_write && slot->status && !write_error)
        write_error = slot->status;
    slot->is_write = false;
}

/* A slot where no transfer is under way. */
static enum error take_slot(unsigned *index)
{
    enum error error = disk_is_alive() ? ERR_OK : gone();

    for (; !error; error = wait_for_something()) {
        take_completions();
        for (unsigned i = 0; i < slot_count; i++) {
            if (slots[i].busy || slots[i].held)
                continue;
            note_write(&slots[i]);
            *index = i;
            return ERR_OK;
        }
    }
    return error;
}

static enum error submit(unsigned index, enum blk_op op, uint64_t position, uint32_t length)
{
    struct ring_request request = {op, length, (uint64_t)index * slot_bytes, position / BLK_SECTOR,
                                   session << 8 | index};

    if (op == BLK_OP_FLUSH)
        request.offset = 0;
    if (!ring_submit(&ring, &request))
        return ERR_PEER_GONE;
    slots[index] = (struct slot){
        .busy = true, .held = op == BLK_OP_READ, .is_write = op == BLK_OP_WRITE, .length = length};
    return ERR_OK;
}

enum error disk_read(const struct disk *disk, const struct disk_run *run)
{
    /* The disk gives whole sectors of its own only. */
    uint64_t end = run->position + (uint64_t)run->count * run->piece_bytes;
    uint64_t first = align_down(run->position, disk->info.block_bytes);
    unsigned index;

    end = align_up(end, disk->info.block_bytes);
    if (end - first > slot_bytes)
        return ERR_BAD_ARG;
    enum error error = take_slot(&index);
    if (!error)
        error = submit(index, BLK_OP_READ, first, (uint32_t)(end - first));
    if (error)
        return error;
    uint64_t mine = session;
    error = wait_for_slot(index);
    if (session == mine)
        slots[index].held = false;
    if (error)
        return error;
    const uint8_t *from = shared + (uint64_t)index * slot_bytes + (run->position - first);
    error = slots[index].status;
    for (uint32_t i = 0; !error && i < run->count; i++)
        memcpy(run->piece[i], from + (uint64_t)i * run->piece_bytes, run->piece_bytes);
    /* A driver that died meanwhile has left zeros. */
    return error || disk_is_alive() ? error : gone();
}

enum error disk_write(const struct disk *disk, const struct disk_run *run)
{
    uint64_t length = (uint64_t)run->count * run->piece_bytes;
    unsigned index;

    if (run->position % disk->info.block_bytes || length % disk->info.block_bytes || length > slot_bytes)
        return ERR_BAD_ARG;
    enum error error = take_slot(&index);
    if (error)
        return error;
    uint8_t *to = shared + (uint64_t)index * slot_bytes;
    for (uint32_t i = 0; i < run->count; i++)
        memcpy(to + (uint64_t)i * run->piece_bytes, run->piece[i], run->piece_bytes);
    return submit(index, BLK_OP_WRITE, run->position, (uint32_t)length);
}

/* A flush stands for what was completed before it, so the writes are waited for first. */
enum error disk_flush(const struct disk *disk)
{
    enum error error = disk_is_alive() ? ERR_OK : gone();

    (void)disk;
    for (unsigned i = 0; !error && i < slot_count; i++) {
        if (!slots[i].is_write)
            continue;
        error = wait_for_slot(i);
        if (!error)
            note_write(&slots[i]);
    }
    if (!error)
        error = write_error;
    write_error = ERR_OK;
    if (!error)
        error = submit(FLUSH_SLOT, BLK_OP_FLUSH, 0, 0);
    if (!error)
        error = wait_for_slot(FLUSH_SLOT);
    return error ? error : slots[FLUSH_SLOT].status;
}
