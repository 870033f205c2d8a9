/* SPDX-License-Identifier: MIT */
/* Split virtqueues: descriptor chains, the available ring that the driver writes, the used ring that it
 * reads. */
#include <base/checked.h>
#include <driver/virtqueue.h>
#include <stddef.h>

uint64_t virtqueue_avail_offset(uint32_t size)
{
    return sizeof(struct virtq_desc) * size;
}

/* Each ring is followed by a 16-bit field that only a feature not used here gives a meaning. The device
 * writes the used ring and nothing before it. */
uint64_t virtqueue_used_offset(uint32_t size)
{
    return align_up(virtqueue_avail_offset(size) + sizeof(struct virtq_avail) + 2ull * size + 2,
                    CACHE_BLOCK_MAX);
}

uint64_t virtqueue_bytes(uint32_t size)
{
    return virtqueue_used_offset(size) + sizeof(struct virtq_used) +
           sizeof(struct virtq_used_element) * size + 2;
}

void virtqueue_init(struct virtqueue *queue, const struct cache *cache, uint32_t index, uint16_t size,
                    void *memory)
{
    char *bytes = memory;

    *queue = (struct virtqueue){
        .cache = *cache,
        .desc = memory,
        .avail = (struct virtq_avail *)(bytes + virtqueue_avail_offset(size)),
        .used = (struct virtq_used *)(bytes + virtqueue_used_offset(size)),
        .index = index,
        .size = size,
        .free_count = size,
    };
    for (uint16_t i = 0; i < size; i++)
        queue->next[i] = i + 1;
    cache_flush(cache, memory, virtqueue_bytes(size));
}

bool virtqueue_add(struct virtqueue *queue, const struct virtqueue_buffer *buffer, unsigned count,
                   uint32_t token)
{
    uint16_t head = queue->free_head, at = head;
    uint32_t writable = 0;

    if (count == 0 || count > queue->free_count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        volatile struct virtq_desc *desc = &queue->desc[at];
        desc->address = buffer[i].physical;
        desc->length = buffer[i].length;
        desc->flags =
            (i + 1 < count ? VIRTQ_DESC_NEXT : 0) | (buffer[i].device_writes ? VIRTQ_DESC_WRITE : 0);
        desc->next = queue->next[at];
        writable += buffer[i].device_writes ? buffer[i].length : 0;
        at = queue->next[at];
    }
    queue->free_head = at;
    queue->free_count -= (uint16_t)count;
    queue->chain[head] = (struct virtqueue_chain){(uint16_t)count, writable, token};
    __atomic_store_n(&queue->avail->ring[queue->made & (queue->size - 1)], head, __ATOMIC_RELAXED);
    queue->made++;
    queue->under_way++;
    return true;
}

bool virtqueue_publish(struct virtqueue *queue)
{
    if (__atomic_load_n(&queue->avail->index, __ATOMIC_RELAXED) == queue->made)
        return false;
    /* Descriptors and ring entries first, then the index (release); the index first, then the look at the
     * flag that the device clears before it looks at the index for the last time. */
    cache_clean(&queue->cache, queue->desc, virtqueue_avail_offset(queue->size));
    cache_clean(&queue->cache, queue->avail->ring, sizeof(queue->avail->ring[0]) * queue->size);
    __atomic_store_n(&queue->avail->index, queue->made, __ATOMIC_RELEASE);
    cache_clean(&queue->cache, queue->avail, sizeof(*queue->avail));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    cache_invalidate(&queue->cache, queue->used, sizeof(*queue->used));
    return (__atomic_load_n(&queue->used->flags, __ATOMIC_RELAXED) & VIRTQ_USED_NO_NOTIFY) == 0;
}

static bool fault(struct virtqueue *queue, const char *what)
{
    queue->fault = what;
    return false;
}

/* Gives the descriptors of a chain back. */
static void free_chain(struct virtqueue *queue, uint16_t head)
{
    uint16_t last = head;

    for (unsigned i = 1; i < queue->chain[head].count; i++)
        last = queue->next[last];
    queue->next[last] = queue->free_head;
    queue->free_head = head;
    queue->free_count += queue->chain[head].count;
    queue->chain[head].count = 0;
    queue->under_way--;
}

bool virtqueue_take(struct virtqueue *queue, uint32_t *token, uint32_t *length)
{
    cache_invalidate(&queue->cache, queue->used, sizeof(*queue->used));
    uint16_t waiting = (uint16_t)(__atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE) - queue->taken);

    if (waiting == 0 || queue->fault != NULL)
        return false;
    if (waiting > queue->under_way)
        return fault(queue, "it finished more requests than it was given");
    struct virtq_used_element *used = &queue->used->ring[queue->taken & (queue->size - 1)];
    cache_invalidate(&queue->cache, used, sizeof(*used));
    uint32_t id = __atomic_load_n(&used->id, __ATOMIC_RELAXED);
    uint32_t written = __atomic_load_n(&used->length, __ATOMIC_RELAXED);
    if (id >= queue->size || queue->chain[id].count == 0)
        return fault(queue, "it finished a request that it was not given");
    if (written > queue->chain[id].writable)
        return fault(queue, "it wrote more than it was let");
    *token = queue->chain[id].token;
    *length = written;
    queue->taken++;
    free_chain(queue, (uint16_t)id);
    return true;
}

bool virtqueue_want_interrupts(struct virtqueue *queue, bool wanted)
{
    __atomic_store_n(&queue->avail->flags, wanted ? 0 : VIRTQ_AVAIL_NO_INTERRUPT, __ATOMIC_RELAXED);
    cache_clean(&queue->cache, queue->avail, sizeof(*queue->avail));
    if (!wanted)
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    cache_invalidate(&queue->cache, queue->used, sizeof(*queue->used));
    return __atomic_load_n(&queue->used->index, __ATOMIC_RELAXED) != queue->taken;
}
