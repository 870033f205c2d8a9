/* SPDX-License-Identifier: MIT */
#include "image.h"

#include "csr.h"

#include <abi/object.h>

extern char _image_start[];

uint64_t image_offset;
uint64_t *image_table;
const char *image_text = _image_start;
struct image_part image_boot[IMAGE_BOOT_PARTS];

void image_drop_boot(void)
{
    image_text = image_boot[0].end;
    for (unsigned i = 0; i < IMAGE_BOOT_PARTS; i++)
        for (const char *page = image_boot[i].start; page < image_boot[i].end; page += 1 << PAGE_BITS)
            image_table[(uint64_t)page >> PAGE_BITS & 511] = 0;
    fence_translations();
}
