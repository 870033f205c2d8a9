/* SPDX-License-Identifier: MIT */
/* Changes to an image: bytes, extreme numbers, pieces and blocks of elsewhere, the superblock's fields. */
#include "images.h"

#include <base/crc32c.h>
#include <fmt/ext4.h>
#include <string.h>

static const uint64_t extremes[] = {
    0,
    1,
    2,
    3,
    11,
    12,
    255,
    256,
    1024,
    0x7fff,
    0x8000,
    0x8001,
    0xffff,
    0x10000,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x7fffffffffffffff,
    0xffffffffffffffff,
};

static uint8_t *some_block(const struct seed *seed, struct image *image, uint64_t *random)
{
    uint32_t among = random_below(random, 4) ? seed->metadata : seed->count;

    return image->bytes + (size_t)seed->blocks[random_below(random, among)] * IMAGE_BLOCK;
}

/* A number in the block: its size and place, aligned, as often near the ends as anywhere. */
static size_t some_place(uint64_t *random, size_t *size)
{
    *size = (size_t)1 << random_below(random, 4);
    size_t places = IMAGE_BLOCK / *size;
    switch (random_below(random, 3)) {
    case 0: return random_below(random, 64 / *size) * *size;
    case 1: return (places - 1 - random_below(random, 64 / *size)) * *size;
    default: return random_below(random, places) * *size;
    }
}

static uint64_t some_value(uint64_t old, uint64_t *random)
{
    switch (random_below(random, 5)) {
    case 0: return old + 1;
    case 1: return old - 1;
    case 2: return old ^ (uint64_t)1 << random_below(random, 64);
    case 3: return random_next(random) >> random_below(random, 64);
    default: return extremes[random_below(random, sizeof(extremes) / sizeof(extremes[0]))];
    }
}

static void change_number(uint8_t *place, size_t size, uint64_t *random)
{
    uint64_t value = 0;

    memcpy(&value, place, size);
    value = some_value(value, random);
    memcpy(place, &value, size);
}

/* Fields of the superblock alone, of which only some matter. */
static void change_super(const struct seed *seed, struct image *image, uint64_t *random)
{
    static const uint8_t fields[] = {0x00, 0x04, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x4c,
                                     0x54, 0x5c, 0x60, 0x64, 0xcc, 0xe0, 0xe8, 0xfc, 0xfe};
    uint8_t *super = image->bytes + seed->start + EXT4_SUPER_OFFSET;

    change_number(super + fields[random_below(random, sizeof(fields))], 4, random);
}

static void change(const struct seed *seed, struct image *image, uint64_t *random)
{
    uint8_t *block = some_block(seed, image, random), *other = some_block(seed, image, random);
    size_t size, place = some_place(random, &size);

    switch (random_below(random, 8)) {
    case 0: block[random_below(random, IMAGE_BLOCK)] = (uint8_t)random_next(random); break;
    case 1: change_super(seed, image, random); break;
    case 2: memmove(block + place, other + place, size); break;
    case 3:
        if (random_below(random, 8) == 0)
            memmove(block, other, IMAGE_BLOCK);
        break;
    default: change_number(block + place, size, random);
    }
}

void mutate(const struct seed *seed, struct image *image, uint64_t *random)
{
    struct ext4_super_block *super = (void *)(image->bytes + seed->start + EXT4_SUPER_OFFSET);

    for (uint64_t n = 1 + random_below(random, 6); n > 0; n--)
        change(seed, image, random);
    if (random_below(random, 16)) /* else the checksum is wrong, and nothing else of it is looked at */
        super->s_checksum = crc32c(~0u, super, offsetof(struct ext4_super_block, s_checksum));
    if (random_below(random, 64) == 0)
        image->size -= random_below(random, image->size);
}
