/* SPDX-License-Identifier: MIT */
/* A session with a block driver: see disk.h. One request at a time; the ring is ready for more. */
#include "disk.h"

#include <base/ring.h>
#include <proto/mm.h>
#include <rt/rt.h>
#include <string.h>

#define RING_ENTRIES   32
#define ANSWER_TIMEOUT 2000000 /* us; after that the driver is asked whether it still knows us */
#define MAX_DISKS      64      /* however many a driver says it has */
#define BIT_COMPLETED  1
#define BIT_TIMEOUT    2

static struct ring_side ring;
static struct segment segment;
static cap_t doorbell, notification, signal_cap, timer, timeout_cap;
static cap_t driver; /* that the session is with */
static bool lost;    /* the session's disk is gone */

/* Capabilities that are no block driver's: the kernel's and those with a fixed slot, and some services. */
static bool is_driver(const struct start_cap *cap)
{
    static const char *const others[] = {"dev", "console", "fs"};

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strcmp(cap->name, others[i]))
            return false;
    return cap->slot >= START_FIRST_NAMED && !strchr(cap->name, ':');
}

bool disk_find(struct disk *disk, unsigned unit)
{
    unsigned seen = 0;

    if (unit >= MAX_DISKS)
        return false;
    for (uint64_t i = 0; i < rt_start->cap_count && i < START_MAX_CAPS; i++) {
        const struct start_cap *cap = &rt_start->cap[i];
        struct blk_unit_request request = {0};
        struct blk_info_reply info = {0};

        if (!is_driver(cap) || blk_info(cap->slot, &request, &info))
            continue;
        if (unit - seen < info.units) {
            uint64_t sessions = disk->sessions;
            request.unit = unit - seen;
            *disk = (struct disk){.driver = cap->slot, .unit = request.unit, .sessions = sessions};
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

/* The notification that the driver signals, and the timer that ends a wait for a driver that is gone. */
static enum error make_notification(void)
{
    enum error error;

    if (notification)
        return ERR_OK;
    signal_cap = slot_alloc();
    timeout_cap = slot_alloc();
    if (!signal_cap || !timeout_cap)
        return ERR_NO_MEMORY;
    error = object_make(OBJ_NOTIFICATION, 0, &notification);
    if (!error)
        error = object_make(OBJ_TIMER, 0, &timer);
    if (!error)
        error = cnode_mint(START_CNODE, signal_cap, 0, notification, RIGHT_SIGNAL, BIT_COMPLETED);
    if (!error)
        error = cnode_mint(START_CNODE, timeout_cap, 0, notification, RIGHT_SIGNAL, BIT_TIMEOUT);
    return error;
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
}

static enum error open_session(struct disk *disk, uint64_t data_bytes, struct blk_attach_reply *reply)
{
    struct blk_attach_request request = {disk->unit, data_bytes, RING_ENTRIES};
    cap_t take[2] = {slot_alloc(), slot_alloc()};
    unsigned taken = 0;
    enum error error = take[0] && take[1] ? ERR_OK : ERR_NO_MEMORY;

    if (!error)
        error = proto_call(disk->driver, OP_blk_attach, &request, sizeof(request), reply, sizeof(*reply),
                           &signal_cap, 1, take, 2, &taken);
    if (!error && taken < 2)
        error = ERR_CORRUPT;
    if (!error)
        error = check_reply(reply);
    if (!error)
        error = segment_map(&segment, take[0], reply->segment_length, MM_READ | MM_WRITE);
    if (error) {
        slot_free(take[0]);
        slot_free(take[1]);
        return error;
    }
    doorbell = take[1];
    driver = disk->driver;
    lost = false;
    return ERR_OK;
}

enum error disk_attach(struct disk *disk, uint64_t data_bytes)
{
    struct blk_attach_reply reply = {0};
    enum error error = make_notification();

    drop_session();
    if (!error)
        error = open_session(disk, data_bytes, &reply);
    if (error)
        return error;
    ring_client_init(&ring, (uint8_t *)segment.address + reply.ring_offset, reply.ring_entries);
    disk->data = (uint8_t *)segment.address + reply.data_offset;
    disk->data_bytes = reply.data_bytes;
    disk->sessions++;
    return ERR_OK;
}

/* Memory of a driver that is gone reads as zero (mm puts fresh pages there), so the constant that the driver
 * wrote into the ring tells. */
bool disk_is_alive(const struct disk *disk)
{
    return disk->data && ring.shared && !lost &&
           __atomic_load_n(&ring.shared->entries, __ATOMIC_RELAXED) == ring.entries;
}

/* Waits until the driver has completed something, or says that it will not. */
static enum error wait_for_driver(void)
{
    if (ring_client_sleep(&ring)) {
        ring_client_wake(&ring);
        return ERR_OK;
    }
    timer_set(timer, timeout_cap, rt_ticks() + rt_ticks_of_us(ANSWER_TIMEOUT), 0);
    uint64_t bits = notification_wait(notification);

    timer_cancel(timer);
    ring_client_wake(&ring);
    return bits & BIT_COMPLETED ? ERR_OK : ERR_TIMED_OUT;
}

enum error disk_read(struct disk *disk, uint64_t sector, uint64_t count, uint64_t offset)
{
    static uint64_t cookie;
    struct ring_request request = {BLK_OP_READ, count * BLK_SECTOR, offset, sector, ++cookie};
    struct ring_completion completion;

    if (!disk_is_alive(disk))
        return ERR_PEER_GONE;
    if (!ring_submit(&ring, &request))
        return ERR_PEER_GONE;
    if (ring_submit_publish(&ring))
        notification_signal(doorbell);
    for (;;) {
        if (!disk_is_alive(disk))
            return ERR_PEER_GONE;
        while (ring_take_completion(&ring, &completion)) {
            if (completion.cookie != cookie)
                continue;
            if (!completion.status && completion.length != request.length)
                return ERR_IO;
            lost |= completion.status == ERR_NO_DEVICE;
            return completion.status;
        }
        if (wait_for_driver() == ERR_TIMED_OUT && !disk_is_alive(disk))
            return ERR_PEER_GONE;
    }
}
