/* SPDX-License-Identifier: MIT */
/* Which file system is the root. */
// sources: user/fs/root.c
#include "../../user/fs/root.h"
#include "support.h"

static const uint8_t guid[16] = {0x04, 0x03, 0x02, 0x01, 0x06, 0x05, 0x08, 0x07,
                                 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xf0};
static const uint8_t uuid[16] = {0xc0, 0xff, 0xee};

static enum root_rank rank(const char *wanted, const char *label)
{
    return root_rank(wanted, &(struct root_candidate){"mmc@0", 3, guid, label, uuid});
}

Test(root, texts)
{
    char text[37];

    root_format_uuid(text, uuid);
    cr_assert_str_eq(text, "c0ffee00-0000-0000-0000-000000000000");
    root_format_guid(text, guid);
    cr_assert_str_eq(text, "01020304-0506-0708-090a-0b0c0d0e0ff0", "as sgdisk shows it");
}

Test(root, nothing_is_wanted)
{
    cr_assert_eq(rank(NULL, "cardea"), ROOT_LABELLED);
    cr_assert_eq(rank(NULL, "other"), ROOT_ANY);
    cr_assert_eq(rank(NULL, ""), ROOT_ANY);
}

Test(root, names)
{
    static const char *const good[] = {"LABEL=other", "UUID=C0ffee00-0000-0000-0000-000000000000",
                                       "PARTUUID=01020304-0506-0708-090A-0b0c0d0e0ff0", "mmc@0", "mmc@0:3"};
    static const char *const bad[] = {"LABEL=othe", "LABEL=", "label=other", "UUID=c0ffee",
                                      "PARTUUID=",  "mmc@0:", "mmc@0:33",    "mmc@0:1",
                                      "mmc",        "",       "other"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_assert_eq(rank(good[i], "other"), ROOT_NAMED, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(rank(bad[i], "other"), ROOT_ANY, "%s", bad[i]);
        cr_assert_eq(rank(bad[i], "cardea"), ROOT_LABELLED, "%s", bad[i]);
    }
}

Test(root, whole_disks_have_no_partition)
{
    static const uint8_t none[16];
    struct root_candidate whole = {"mmc@0", 0, none, "", none};

    cr_assert_eq(root_rank("mmc@0", &whole), ROOT_NAMED);
    cr_assert_eq(root_rank("mmc@0:0", &whole), ROOT_ANY);
    cr_assert_eq(root_rank("PARTUUID=00000000-0000-0000-0000-000000000000", &whole), ROOT_ANY);
}
