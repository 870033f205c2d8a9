/* SPDX-License-Identifier: MIT */
/* A virtio block device. */
#include "disk.h"

#include <base/checked.h>
#include <rt/rt.h>
#include <string.h>

#define DEVICE_ID_BLOCK   2
#define REQUEST_QUEUE     0

/* Feature bits (section 5.2.3). */
#define FEATURE_SIZE_MAX  (1ull << 1)
#define FEATURE_READ_ONLY (1ull << 5)
#define FEATURE_BLK_SIZE  (1ull << 6)
#define FEATURE_FLUSH     (1ull << 9)
#define FEATURES          (FEATURE_SIZE_MAX | FEATURE_READ_ONLY | FEATURE_BLK_SIZE | FEATURE_FLUSH)

/* Device configuration (section 5.2.4). */
#define CONFIG_CAPACITY   0
#define CONFIG_SIZE_MAX   8
#define CONFIG_BLK_SIZE   20

/* Request types and status (section 5.2.6). */
enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPPORTED = 2, STATUS_NONE = 0xff };

static uint64_t shared_offset(void)
{
    return align_up(virtqueue_bytes(DISK_QUEUE_SIZE), sizeof(struct disk_shared));
}

uint64_t disk_memory_bytes(void)
{
    return shared_offset() + sizeof(struct disk_shared) * DISK_MAX_REQUESTS;
}

/* Capacity and limits; what is no whole sector of the disk's own cannot be reached. */
static void read_config(struct disk *disk)
{
    uint32_t block = BLK_SECTOR, limit = DISK_MAX_SECTORS;

    if (disk->virtio.features & FEATURE_BLK_SIZE)
        block = virtio_config32(&disk->virtio, CONFIG_BLK_SIZE);
    if (disk->virtio.features & FEATURE_SIZE_MAX)
        limit = virtio_config32(&disk->virtio, CONFIG_SIZE_MAX) / BLK_SECTOR;
    disk->unit.block_bytes = block;
    uint32_t sectors = block >= BLK_SECTOR ? block / BLK_SECTOR : 1;
    disk->unit.sectors = virtio_config64(&disk->virtio, CONFIG_CAPACITY) / sectors * sectors;
    disk->unit.max_sectors = (limit < DISK_MAX_SECTORS ? limit : DISK_MAX_SECTORS) / sectors * sectors;
    disk->unit.read_only = (disk->virtio.features & FEATURE_READ_ONLY) != 0;
    disk->unit.can_flush = (disk->virtio.features & FEATURE_FLUSH) != 0;
}

/* Whether there is anything to be done with what the disk says of itself; logs why not. */
static bool is_usable(struct disk *disk)
{
    uint32_t block = disk->unit.block_bytes;

    if (block < BLK_SECTOR || block > DISK_MAX_BLOCK || (block & (block - 1)) != 0) {
        rt_log("%s: has sectors of %u bytes, which is no power of two from %u to %u", disk->unit.name, block,
               BLK_SECTOR, DISK_MAX_BLOCK);
        return false;
    }
    if (disk->unit.max_sectors == 0) {
        rt_log("%s: takes no more than %u bytes in one piece", disk->unit.name,
               (unsigned)virtio_config32(&disk->virtio, CONFIG_SIZE_MAX));
        return false;
    }
    return true;
}

/* The handshake from reset to running, with an empty queue. */
static enum error start(struct disk *disk)
{
    enum error error = virtio_open(&disk->virtio, &disk->regs, &disk->cache, DEVICE_ID_BLOCK);

    if (!error)
        error = virtio_negotiate(&disk->virtio, FEATURES, 0);
    if (!error) {
        memset(disk->memory, 0, disk_memory_bytes());
        error = virtio_queue(&disk->virtio, &disk->queue, REQUEST_QUEUE, DISK_QUEUE_SIZE, disk->memory,
                             disk->physical);
    }
    if (error)
        return error;
    read_config(disk);
    if (!is_usable(disk)) {
        virtio_fail(&disk->virtio);
        return ERR_UNSUPPORTED;
    }
    virtio_start(&disk->virtio);
    return ERR_OK;
}

static bool has_room(const struct blk_unit *unit)
{
    const struct disk *disk = (const struct disk *)unit;

    return disk->in_flight < DISK_MAX_REQUESTS && disk->queue.free_count >= 3;
}

static unsigned free_request(const struct disk *disk)
{
    unsigned i = 0;

    while (disk->request[i].busy)
        i++;
    return i;
}

/* The data belongs to the device from here on. */
static void give_data(const struct disk *disk, const struct blk_request *request)
{
    if (request->op == BLK_OP_READ)
        cache_flush(&disk->cache, request->data, request->length);
    else
        cache_clean(&disk->cache, request->data, request->length);
}

/* A disk that cannot flush writes through (section 5.2.6.2), so the server answers flushes for it. */
static void submit(struct blk_unit *unit, const struct blk_request *request)
{
    static const uint32_t type[] = {
        [BLK_OP_READ] = TYPE_IN, [BLK_OP_WRITE] = TYPE_OUT, [BLK_OP_FLUSH] = TYPE_FLUSH};
    struct disk *disk = (struct disk *)unit;
    unsigned i = free_request(disk), count = 0;
    uint64_t at = disk->shared_physical + i * sizeof(struct disk_shared);
    struct virtqueue_buffer buffer[3];

    disk->shared[i] =
        (struct disk_shared){.type = type[request->op], .sector = request->sector, .status = STATUS_NONE};
    cache_flush(&disk->cache, &disk->shared[i], sizeof(disk->shared[i]));
    buffer[count++] = (struct virtqueue_buffer){at, offsetof(struct disk_shared, status), false};
    if (request->op != BLK_OP_FLUSH) {
        give_data(disk, request);
        buffer[count++] =
            (struct virtqueue_buffer){request->physical, request->length, request->op == BLK_OP_READ};
    }
    buffer[count++] = (struct virtqueue_buffer){at + offsetof(struct disk_shared, status), 1, true};
    virtqueue_add(&disk->queue, buffer, count, i);
    disk->request[i] = (struct disk_request){
        .busy = true,
        .reads = request->op == BLK_OP_READ,
        .length = request->length,
        .data = request->data,
        .cookie = request->cookie,
        .session = request->session,
    };
    disk->in_flight++;
}

static void kick(struct blk_unit *unit)
{
    struct disk *disk = (struct disk *)unit;

    virtio_kick(&disk->virtio, &disk->queue);
}

static const struct blk_driver disk_driver = {.has_room = has_room, .submit = submit, .kick = kick};

enum error disk_open(struct disk *disk, const char *name, const struct mmio *regs, const struct cache *cache,
                     void *memory, uint64_t physical)
{
    disk->unit.driver = &disk_driver;
    disk->unit.name = name;
    disk->regs = *regs;
    disk->cache = *cache;
    disk->memory = memory;
    disk->physical = physical;
    disk->shared = (struct disk_shared *)((char *)memory + shared_offset());
    disk->shared_physical = physical + shared_offset();
    return start(disk);
}

static void finish(struct disk *disk, unsigned i, enum error status)
{
    struct disk_request *request = &disk->request[i];

    if (request->reads)
        cache_invalidate(&disk->cache, request->data, request->length);
    request->busy = false;
    disk->in_flight--;
    blk_finished(request->session, request->cookie, status, !status ? request->length : 0);
}

static enum error status_of(const struct disk *disk, unsigned i)
{
    cache_invalidate(&disk->cache, &disk->shared[i], sizeof(disk->shared[i]));
    switch (__atomic_load_n(&disk->shared[i].status, __ATOMIC_RELAXED)) {
    case STATUS_OK: return ERR_OK;
    case STATUS_UNSUPPORTED: return ERR_UNSUPPORTED;
    default: return ERR_IO;
    }
}

/* After the device did something that it must not: stops it, so that it lets go of all memory, fails what was
 * under way and starts it anew. */
static void recover(struct disk *disk, const char *why)
{
    rt_log("%s: %s; resetting it, requests that fail: %u", disk->unit.name, why, disk->in_flight);
    bool stopped = !virtio_reset(&disk->virtio);
    for (unsigned i = 0; i < DISK_MAX_REQUESTS; i++) {
        if (disk->request[i].busy)
            finish(disk, i, ERR_IO);
    }
    disk->resets++;
    if (!stopped || disk->resets > DISK_MAX_RESETS || start(disk)) {
        rt_log("%s: given up", disk->unit.name);
        disk->unit.failed = ERR_IO;
        disk->unit.holds_memory = true;
    }
}

static void take_finished(struct disk *disk)
{
    uint32_t i, written;

    do {
        virtqueue_want_interrupts(&disk->queue, false);
        while (virtqueue_take(&disk->queue, &i, &written))
            finish(disk, i, status_of(disk, i));
    } while (disk->queue.fault == NULL && virtqueue_want_interrupts(&disk->queue, true));
}

/* The capacity changed (a disk was resized). */
static void take_config(struct disk *disk)
{
    uint64_t before = disk->unit.sectors;

    read_config(disk);
    if (disk->unit.sectors != before)
        rt_log("%s: now has %llu sectors", disk->unit.name, (unsigned long long)disk->unit.sectors);
}

void disk_interrupt(struct disk *disk)
{
    if (disk->unit.failed)
        return;
    uint32_t why = virtio_interrupt(&disk->virtio);
    take_finished(disk);
    if (disk->queue.fault != NULL)
        recover(disk, disk->queue.fault);
    else if ((why & VIRTIO_INTERRUPT_CONFIG) && virtio_needs_reset(&disk->virtio))
        recover(disk, "it asks for a reset");
    else if (why & VIRTIO_INTERRUPT_CONFIG)
        take_config(disk);
}
