/* SPDX-License-Identifier: MIT */
/* malloc and its kin, of lib/alloc, and what that needs of mm. */
#include "internal.h"

#include <alloc/alloc.h>
#include <errno.h>
#include <malloc.h>
#include <proto/mm.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ALIGN 4096

void rt_heap_init(void) {}

/* --- What lib/alloc asks of the system --- */

/* The first part of a mapping that begins at a multiple of `alignment`, all else of which goes back. */
static void *keep_aligned(char *start, size_t reserved, size_t length, size_t alignment)
{
    char *address = (char *)align_up((uintptr_t)start, alignment), *end = address + length;

    if (address > start)
        rt_unmap(start, (size_t)(address - start));
    if (end < start + reserved)
        rt_unmap(end, (size_t)(start + reserved - end));
    return address;
}

/* Where the next mapping is tried first: behind the last one, or where one was given back, for which mm has
 * page tables. It is often free, and aligned. */
static uint64_t hint;

void *alloc_system_map(size_t length, size_t alignment)
{
    struct mm_map_request q = {.length = length, .prot = MM_READ | MM_WRITE};
    struct mm_map_reply r = {0};

    q.address = hint % alignment == 0 ? hint : 0;
    if (q.address != 0 && !mm_map(rt_caps.mm, &q, &r)) {
        hint = r.address + length;
        return (void *)r.address;
    }
    q.address = 0;
    q.length = length + alignment - PAGE_ALIGN;
    if (q.length < length || mm_map(rt_caps.mm, &q, &r))
        return NULL;
    char *address = keep_aligned((char *)r.address, q.length, length, alignment);
    hint = (uint64_t)address + length;
    return address;
}

void alloc_system_unmap(void *address, size_t length)
{
    rt_unmap(address, length);
    hint = (uint64_t)address;
}

bool alloc_system_populate(void *address, size_t length)
{
    return !rt_populate(address, length);
}

bool alloc_system_discard(void *address, size_t length)
{
    return !rt_discard(address, length);
}

void alloc_bad(const void *block, const char *what)
{
    rt_log("heap: %p %s", block, what);
    abort();
}

/* --- The C library's functions --- */

static void lock(bool take)
{
    if (rt_libc_lock != NULL)
        rt_libc_lock(take);
}

static void *no_memory(void *block)
{
    if (block == NULL)
        errno = ENOMEM;
    return block;
}

void *malloc(size_t size)
{
    lock(true);
    void *block = alloc(size, ALLOC_ALIGN);
    lock(false);
    return no_memory(block);
}

void free(void *block)
{
    lock(true);
    alloc_free(block);
    lock(false);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *block = NULL;

    if (!__builtin_mul_overflow(count, size, &bytes)) {
        lock(true);
        block = alloc_zeroed(bytes);
        lock(false);
    }
    return no_memory(block);
}

void *realloc(void *block, size_t size)
{
    lock(true);
    void *other = alloc_resize(block, size);
    lock(false);
    return no_memory(other);
}

void *memalign(size_t alignment, size_t size)
{
    if (alignment == 0 || (alignment & (alignment - 1)) || alignment > ALLOC_ALIGN_MAX) {
        errno = EINVAL;
        return NULL;
    }
    lock(true);
    void *block = alloc(size, alignment);
    lock(false);
    return no_memory(block);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    int before = errno;

    if (alignment % sizeof(void *) != 0)
        return EINVAL;
    void *found = memalign(alignment, size);
    int error = found == NULL ? errno : 0;
    if (!error)
        *block = found;
    errno = before;
    return error;
}

size_t malloc_usable_size(void *block)
{
    lock(true);
    size_t size = block != NULL ? alloc_size(block) : 0;
    lock(false);
    return size;
}
