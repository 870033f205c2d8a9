/* SPDX-License-Identifier: MIT */
/* Virtio devices behind memory-mapped registers: Virtual I/O Device specification 1.1, sections 3.1 and 4.2.
 */
#include <driver/virtio.h>
#include <rt/rt.h>

#define RESET_POLLS      1000000 /* a device that is there needs a few */
#define GENERATION_TRIES 16

static uint32_t read32(struct virtio *virtio, uint64_t offset)
{
    return mmio_read32(virtio->regs, offset, MMIO_PLAIN);
}

static void write32(struct virtio *virtio, uint64_t offset, uint32_t value)
{
    mmio_write32(virtio->regs, offset, value, MMIO_PLAIN);
}

static void add_status(struct virtio *virtio, uint32_t bits)
{
    write32(virtio, VIRTIO_STATUS, read32(virtio, VIRTIO_STATUS) | bits);
}

static enum error check_kind(struct virtio *virtio, uint32_t device_id)
{
    const char *name = virtio->regs->name;
    uint32_t magic = read32(virtio, VIRTIO_MAGIC_VALUE);
    uint32_t version = read32(virtio, VIRTIO_VERSION);
    uint32_t id = read32(virtio, VIRTIO_DEVICE_ID);

    if (magic != VIRTIO_MAGIC) {
        rt_log("virtio,mmio at %s: no virtio device: magic number 0x%x", name, (unsigned)magic);
        return ERR_NO_DEVICE;
    }
    if (version == VIRTIO_MMIO_LEGACY) {
        rt_log("virtio,mmio at %s: legacy device; start QEMU with -global virtio-mmio.force-legacy=false",
               name);
        return ERR_UNSUPPORTED;
    }
    if (version != VIRTIO_MMIO_VERSION) {
        rt_log("virtio,mmio at %s: register layout version %u is not known", name, (unsigned)version);
        return ERR_UNSUPPORTED;
    }
    if (id != device_id) {
        rt_log("virtio,mmio at %s: device type %u where %u is expected", name, (unsigned)id,
               (unsigned)device_id);
        return ERR_NO_DEVICE;
    }
    return ERR_OK;
}

enum error virtio_open(struct virtio *virtio, struct mmio *regs, const struct cache *cache,
                       uint32_t device_id)
{
    *virtio = (struct virtio){.regs = regs, .cache = *cache};
    enum error error = check_kind(virtio, device_id);
    if (!error)
        error = virtio_reset(virtio);
    if (error)
        return error;
    add_status(virtio, VIRTIO_ACKNOWLEDGE);
    add_status(virtio, VIRTIO_DRIVER);
    return ERR_OK;
}

enum error virtio_reset(struct virtio *virtio)
{
    write32(virtio, VIRTIO_STATUS, 0);
    for (unsigned i = 0; i < RESET_POLLS; i++) {
        /* Fenced: memory that the device used belongs to the driver again. */
        if (mmio_read32(virtio->regs, VIRTIO_STATUS, MMIO_FENCED) == 0)
            return ERR_OK;
    }
    rt_log("%s: does not come out of reset", virtio->regs->name);
    return ERR_IO;
}

void virtio_fail(struct virtio *virtio)
{
    add_status(virtio, VIRTIO_FAILED);
}

static uint64_t offered_features(struct virtio *virtio)
{
    write32(virtio, VIRTIO_DEVICE_FEATURES_SELECT, 1);
    uint64_t high = read32(virtio, VIRTIO_DEVICE_FEATURES);
    write32(virtio, VIRTIO_DEVICE_FEATURES_SELECT, 0);
    return high << 32 | read32(virtio, VIRTIO_DEVICE_FEATURES);
}

enum error virtio_negotiate(struct virtio *virtio, uint64_t wanted, uint64_t required)
{
    uint64_t offered = offered_features(virtio);

    required |= VIRTIO_F_VERSION_1;
    if ((offered & required) != required) {
        rt_log("%s: lacks features 0x%llx", virtio->regs->name, (unsigned long long)(required & ~offered));
        virtio_fail(virtio);
        return ERR_UNSUPPORTED;
    }
    virtio->features = offered & (wanted | required);
    write32(virtio, VIRTIO_DRIVER_FEATURES_SELECT, 0);
    write32(virtio, VIRTIO_DRIVER_FEATURES, (uint32_t)virtio->features);
    write32(virtio, VIRTIO_DRIVER_FEATURES_SELECT, 1);
    write32(virtio, VIRTIO_DRIVER_FEATURES, (uint32_t)(virtio->features >> 32));
    add_status(virtio, VIRTIO_FEATURES_OK);
    if ((read32(virtio, VIRTIO_STATUS) & VIRTIO_FEATURES_OK) == 0) {
        rt_log("%s: refuses features 0x%llx", virtio->regs->name, (unsigned long long)virtio->features);
        virtio_fail(virtio);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static void write_address(struct virtio *virtio, uint64_t offset, uint64_t address)
{
    write32(virtio, offset, (uint32_t)address);
    write32(virtio, offset + 4, (uint32_t)(address >> 32));
}

enum error virtio_queue(struct virtio *virtio, struct virtqueue *queue, uint32_t index, uint32_t size,
                        void *memory, uint64_t physical)
{
    write32(virtio, VIRTIO_QUEUE_SELECT, index);
    uint32_t max = read32(virtio, VIRTIO_QUEUE_SIZE_MAX);
    if (max == 0 || read32(virtio, VIRTIO_QUEUE_READY) != 0) {
        rt_log("%s: queue %u %s", virtio->regs->name, (unsigned)index,
               max == 0 ? "does not exist" : "is in use");
        virtio_fail(virtio);
        return ERR_NO_DEVICE;
    }
    while (size > max || size > VIRTQUEUE_MAX_SIZE)
        size /= 2;
    virtqueue_init(queue, &virtio->cache, index, (uint16_t)size, memory);
    write32(virtio, VIRTIO_QUEUE_SIZE, size);
    write_address(virtio, VIRTIO_QUEUE_DESCRIPTORS, physical);
    write_address(virtio, VIRTIO_QUEUE_DRIVER, physical + virtqueue_avail_offset(size));
    write_address(virtio, VIRTIO_QUEUE_DEVICE, physical + virtqueue_used_offset(size));
    mmio_write32(virtio->regs, VIRTIO_QUEUE_READY, 1, MMIO_FENCED);
    return ERR_OK;
}

void virtio_start(struct virtio *virtio)
{
    add_status(virtio, VIRTIO_DRIVER_OK);
}

void virtio_kick(struct virtio *virtio, struct virtqueue *queue)
{
    if (virtqueue_publish(queue))
        mmio_write32(virtio->regs, VIRTIO_QUEUE_NOTIFY, queue->index, MMIO_FENCED);
}

uint32_t virtio_interrupt(struct virtio *virtio)
{
    uint32_t why = mmio_read32(virtio->regs, VIRTIO_INTERRUPT_STATUS, MMIO_FENCED);

    /* Fenced: what the device finishes after a later look at the queue interrupts again. */
    mmio_write32(virtio->regs, VIRTIO_INTERRUPT_ACK, why, MMIO_FENCED);
    return why;
}

bool virtio_needs_reset(struct virtio *virtio)
{
    return (read32(virtio, VIRTIO_STATUS) & VIRTIO_NEEDS_RESET) != 0;
}

uint32_t virtio_config32(struct virtio *virtio, uint64_t offset)
{
    return read32(virtio, VIRTIO_CONFIG + offset);
}

uint64_t virtio_config64(struct virtio *virtio, uint64_t offset)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < GENERATION_TRIES; i++) {
        uint32_t generation = read32(virtio, VIRTIO_CONFIG_GENERATION);
        value = virtio_config32(virtio, offset) | (uint64_t)virtio_config32(virtio, offset + 4) << 32;
        if (read32(virtio, VIRTIO_CONFIG_GENERATION) == generation)
            break;
    }
    return value;
}
