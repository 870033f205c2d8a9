/* SPDX-License-Identifier: MIT */
/*
 * Device registers: a region and typed accesses to it by offset. An access that is misaligned or reaches
 * outside the region is not made: it is logged, a read gives all ones (as an empty bus would), and `refused`
 * counts it.
 *
 * How an access is made is a table of two functions, so that a test can put a model of the device in its
 * place.
 */
#pragma once

#include <stdint.h>

/* Every access says how it is ordered against memory; device accesses keep their order among themselves
 * anyway. */
enum mmio_order {
    MMIO_PLAIN,  /* not ordered against memory */
    MMIO_FENCED, /* read: memory accesses after it come later; write: likewise, and those before it came first
                  */
};

struct mmio_access {
    uint64_t (*read)(void *context, uint64_t offset, unsigned bytes, enum mmio_order order);
    void (*write)(void *context, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order);
};

struct mmio {
    const struct mmio_access *access;
    void *context;    /* of the access functions; for mmio_direct the address of the first register */
    uint64_t length;  /* bytes of registers */
    const char *name; /* for messages */
    uint64_t refused; /* accesses that were not made */
};

/* Loads and stores of the width asked for, at context + offset. */
extern const struct mmio_access mmio_direct;

/* Any width (1, 2, 4 or 8 bytes); what the typed calls below are made of. */
uint64_t mmio_read(struct mmio *region, uint64_t offset, unsigned bytes, enum mmio_order order);
void mmio_write(struct mmio *region, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order);

/* mmio_readN(region, offset, order); mmio_writeN(region, offset, value, order); mmio_modifyN(region, offset,
 * clear, set, order): reads, clears and then sets bits, writes back; the order holds for both accesses. N is
 * 8, 16, 32 or 64. */
#define MMIO_TYPED(bits)                                                                                     \
    static inline uint##bits##_t mmio_read##bits(struct mmio *region, uint64_t offset,                       \
                                                 enum mmio_order order)                                      \
    {                                                                                                        \
        return (uint##bits##_t)mmio_read(region, offset, bits / 8, order);                                   \
    }                                                                                                        \
    static inline void mmio_write##bits(struct mmio *region, uint64_t offset, uint##bits##_t value,          \
                                        enum mmio_order order)                                               \
    {                                                                                                        \
        mmio_write(region, offset, bits / 8, value, order);                                                  \
    }                                                                                                        \
    static inline void mmio_modify##bits(struct mmio *region, uint64_t offset, uint##bits##_t clear,         \
                                         uint##bits##_t set, enum mmio_order order)                          \
    {                                                                                                        \
        mmio_write(region, offset, bits / 8,                                                                 \
                   (mmio_read(region, offset, bits / 8, order) & ~(uint64_t)clear) | set, order);            \
    }
MMIO_TYPED(8)
MMIO_TYPED(16)
MMIO_TYPED(32)
MMIO_TYPED(64)
