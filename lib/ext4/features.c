/* SPDX-License-Identifier: MIT */
/* Features by name, as e2fsprogs calls them; those without a name as FEATURE_I31. */
#include "internal.h"

#include <base/format.h>
#include <string.h>

const char *const ext4_incompat_names[32] = {
    "compression", "filetype",    "needs_recovery", "journal_dev", "meta_bg", NULL,      "extent",
    "64bit",       "mmp",         "flex_bg",        "ea_inode",    NULL,      "dirdata", "metadata_csum_seed",
    "large_dir",   "inline_data", "encrypt",        "casefold",
};

const char *const ext4_ro_compat_names[32] = {
    "sparse_super",  "large_file",     NULL,           "huge_file", "uninit_bg",
    "dir_nlink",     "extra_isize",    "has_snapshot", "quota",     "bigalloc",
    "metadata_csum", "replica",        "read-only",    "project",   "shared_blocks",
    "verity",        "orphan_present",
};

const char *const ext4_journal_names[32] = {
    "journal_incompat_revoke", "journal_64bit",       "journal_async_commit",
    "journal_checksum_v2",     "journal_checksum_v3", "fast_commit",
};

const char *ext4_feature_names(char list[EXT4_FEATURE_LIST], uint32_t features, const char *const names[32],
                               char set)
{
    size_t length = 0;
    list[0] = 0;
    for (uint32_t bit = 0; bit < 32 && length < EXT4_FEATURE_LIST; bit++) {
        const char *comma = length ? ", " : "";
        if (!(features >> bit & 1))
            continue;
        if (names[bit])
            length +=
                (size_t)format_buffer(list + length, EXT4_FEATURE_LIST - length, "%s%s", comma, names[bit]);
        else
            length += (size_t)format_buffer(list + length, EXT4_FEATURE_LIST - length, "%sFEATURE_%c%u",
                                            comma, set, bit);
    }
    return list;
}
