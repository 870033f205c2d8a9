/* SPDX-License-Identifier: MIT */
/*
 * The device server's protocol: drivers get exactly the registers, interrupt lines and DMA memory of the
 * devices that the system description has them drive.
 */
#pragma once

#include <proto/proto.h>

#define DEV_COMPATIBLE_BYTES 256
#define DEV_REGION_ALIGNMENT (2ull << 20)

struct dev_count_reply {
    uint64_t count; /* devices for this client */
};

struct dev_index_request {
    uint64_t index; /* of the device among the client's, from 0 */
    uint64_t n;     /* of the line or pin */
};
struct dev_info_reply {
    char name[32];       /* node name with unit address */
    char compatible[32]; /* that matched: the driver's string that the device names first */
    uint64_t region_count, irq_count;
    uint64_t clock_frequency; /* of its first clock, in Hz; 0: the tree or its clock controller do not tell */
    uint64_t reg_shift, reg_io_width; /* properties of that name, 0 when absent */
    uint64_t is_stdout; /* 1: /chosen stdout-path names this device, 0: it does not */
    uint64_t coherent;  /* 1: its DMA is, 0: it is not */
    uint64_t cache_block; /* bytes of the cache blocks that drivers can clean and flush; 0: they cannot */
};

/* A property of the device's node in the hardware's device tree, or of its controller's if it is on the
 * bus of one. */
enum dev_node { DEV_NODE_DEVICE, DEV_NODE_CONTROLLER };
struct dev_property_request {
    uint64_t index;
    uint64_t node; /* enum dev_node */
    char name[32]; /* terminated */
};
struct dev_property_reply {
    uint64_t length; /* bytes; may be more than fit */
    uint8_t value[128];
};

/* What the device tree says of pin n (0 to 31) of a device that is a GPIO controller. */
struct dev_pin_reply {
    char name[32]; /* from `gpio-line-names`; empty: it has none */
    char user[32]; /* the node whose pin it is; empty: nobody's */
};

/* The n-th range of a device's registers comes in segments that follow each other, of at most four frames
 * each. This one has what lies `from` bytes from the range's beginning. */
struct dev_region_request {
    uint64_t index, n;
    uint64_t from;
};
struct dev_region_reply {
    uint64_t size;   /* bytes of the whole range */
    uint64_t length; /* bytes from `from` on that are in this segment */
    uint64_t offset; /* of the first of them in the segment (device pages are mapped whole) */
    uint64_t segment_length;
    uint64_t alignment; /* the segment begins so many bytes behind a multiple of DEV_REGION_ALIGNMENT, */
                        /* and so must what it is mapped to */
}; /* + capability: mm segment */
struct dev_irq_reply {
    uint64_t line;
}; /* + capability: IRQ handler */
struct dev_dma_request {
    uint64_t length;
};
struct dev_dma_reply {
    uint64_t length, physical;
}; /* + capability: mm segment, contiguous, zeroed */

/* Memory for clients of drivers (dev_dma_lend; its address is not told): who owns it can give its segment
 * to a driver, whose dev_dma_borrow (+ capability: the segment) tells the address for devices. It is free
 * when the owner has given it back or is dead, and all drivers that borrowed it have done with it or are
 * dead, their devices stopped. What the owner has put there stays when a driver dies. dev_dma_free takes
 * either back. */

/* Gives memory of dev_dma back: the device no longer uses it. It is free when nobody has it mapped any more.
 * What a driver has when it dies is given back for it, and reads as zero for those who still have it mapped.
 */
struct dev_dma_free_request {
    uint64_t physical;
};

/* Tells dev of a driver before it starts: which devices are its. */
#define DEV_ALL_DEVICES (~0ull)
struct dev_register_request {
    uint64_t client;
    char driver[16];     /* name of the process, for messages */
    /* It gets the devices that match any of these: strings, each with its end, and then an empty one. */
    char compatible[DEV_COMPATIBLE_BYTES];
    uint64_t virtio_id;  /* for "virtio,mmio": the virtio device type; 0: any */
    uint64_t instance;   /* it gets only this one of them, counted from 0; DEV_ALL_DEVICES: all */
    uint64_t irq_deadline_us; /* of its lines, from interrupt to acknowledgement, 0: none; at most 10 s */
};
struct dev_register_reply {
    uint64_t count;      /* devices found */
    char other[16];      /* ERR_EXISTS: the driver that has one of these devices already ... */
    char device[32];     /* ... and the device */
};

struct dev_irq_stats_reply {
    uint64_t line;
    char device[32];
    char driver[16];
    uint64_t count, acknowledged, missed;
    uint64_t total_latency, worst_latency; /* ticks */
    uint64_t hart;
    uint64_t deadline; /* ticks; 0: none */
};

#define DEV_OPS(OP)                                                                                          \
    OP(dev, 1, count, struct proto_empty, struct dev_count_reply, DEV_DRIVE, (), ())                         \
    OP(dev, 2, info, struct dev_index_request, struct dev_info_reply, DEV_DRIVE, (), ())                     \
    OP(dev, 3, region, struct dev_region_request, struct dev_region_reply, DEV_DRIVE, (), (SEGMENT))         \
    OP(dev, 4, irq, struct dev_index_request, struct dev_irq_reply, DEV_DRIVE, (), (LINE))                   \
    OP(dev, 5, dma, struct dev_dma_request, struct dev_dma_reply, DEV_DRIVE, (), (SEGMENT))                  \
    OP(dev, 6, dma_free, struct dev_dma_free_request, struct proto_empty, DEV_DRIVE, (), ())                 \
    OP(dev, 7, property, struct dev_property_request, struct dev_property_reply, DEV_DRIVE, (), ())          \
    OP(dev, 8, irq_stats, struct dev_index_request, struct dev_irq_stats_reply, DEV_INSPECT, (), ())         \
    OP(dev, 9, pin, struct dev_index_request, struct dev_pin_reply, DEV_DRIVE, (), ())                       \
    OP(dev, 10, dma_lend, struct dev_dma_request, struct dev_dma_reply, DEV_LEND, (), (SEGMENT))             \
    OP(dev, 11, dma_borrow, struct proto_empty, struct dev_dma_reply, DEV_DRIVE, (SEGMENT), ())              \
    OP(dev, 12, dma_return, struct dev_dma_free_request, struct proto_empty, DEV_DRIVE, (), ())              \
    OP(dev, 16, register, struct dev_register_request, struct dev_register_reply, PROTO_MANAGE, (), ())
PROTO_CLIENT(DEV_OPS)
