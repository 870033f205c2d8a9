/* SPDX-License-Identifier: MIT */
/* The kernel's image: where it lies in memory, and what of it is left after the boot. */
#pragma once

#include <stdint.h>

extern uint64_t image_offset; /* virtual minus physical; set by head.S */
extern uint64_t *image_table; /* that maps it, a page an entry; set by kernel_tables_make() */
extern const char *image_text; /* where its code begins: there is less of it after the boot */
/* What only the boot needs, in whole pages; the boot says what that is: code and constants, then
 * variables. */
#define IMAGE_BOOT_PARTS 2
extern struct image_part {
    const char *start, *end;
} image_boot[IMAGE_BOOT_PARTS];

/* Physical address of something in the image. */
static inline uint64_t image_physical(const void *virtual)
{
    return (uint64_t) virtual - image_offset;
}

/* Unmaps image_boot, whose memory is somebody else's from then on. The other harts, too, must forget
 * their translations before they run anybody. */
void image_drop_boot(void);
