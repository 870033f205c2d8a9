/* SPDX-License-Identifier: MIT */
/* The hashes of directory names, against libext2fs. */
// sources: lib/ext4/*.c
// libs: -lext2fs -lcom_err
#include "support.h"

#include <ext4/internal.h>

#define ext4_group_desc libext2fs_group_desc /* both have one */
#include <ext2fs/ext2fs.h>
#undef ext4_group_desc

static const uint32_t seeds[][4] = {
    {0, 0, 0, 0},
    {0x01234567, 0x89abcdef, 0x02468ace, 0x13579bdf},
    {0, 0, 0, 1},
};

static void compare(const char *name, size_t length)
{
    for (int version = 0; version <= 5; version++) {
        for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
            uint32_t seed[4], expected = 1, got = 2;
            memcpy(seed, seeds[i], sizeof(seed));
            cr_assert_eq(ext2fs_dirhash(version, name, (int)length, seed, &expected, NULL), 0);
            cr_assert(ext4_name_hash((uint32_t)version, seeds[i], name, length, &got));
            cr_assert_eq(got, expected, "version %d, %zu characters: %x, expected %x", version, length, got,
                         expected);
        }
    }
}

Test(ext4_hash, agrees_with_libext2fs)
{
    uint64_t random = 42;
    char name[255];

    compare("a", 1);
    compare("hello.txt", 9);
    for (size_t length = 1; length <= sizeof(name); length++) {
        for (int times = 0; times < 8; times++) {
            for (size_t i = 0; i < length; i++)
                name[i] = (char)(1 + random_below(&random, 255));
            struct exact copy = exact_copy(name, length, times);
            compare((const char *)copy.data, length);
            exact_free(&copy);
        }
    }
}

Test(ext4_hash, unknown_versions)
{
    uint32_t hash;

    for (uint32_t version = 6; version < 256; version++)
        cr_assert_not(ext4_name_hash(version, seeds[0], "a", 1, &hash));
}
