/* SPDX-License-Identifier: MIT */
/* Finding and mounting the root file system: see mount.h. */
#include "mount.h"

#include "cache.h"

#include <base/format.h>
#include <proto/mm.h>
#include <rt/rt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTITIONS 128
#define REPLAY_BYTES   (32 * 8192) /* journalled blocks that a file system not unmounted cleanly may have */

struct ext4 filesystem;
enum error mount_error = ERR_NO_FS;
struct fs_info_reply mount_info;

static struct disk disk;
static void *replay_table;

static void format_uuid(char *text, size_t size, const uint8_t *uuid)
{
    format_buffer(text, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", uuid[0],
                  uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8], uuid[9], uuid[10],
                  uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
}

static const char *type_name(const struct ext4 *fs)
{
    if (fs->incompat & EXT4_FEATURE_INCOMPAT_EXTENTS)
        return "ext4";
    return fs->compat & EXT4_FEATURE_COMPAT_HAS_JOURNAL ? "ext3" : "ext2";
}

static void fill_info(const char *device)
{
    mount_info = (struct fs_info_reply){
        .mounted = 1,
        .block_size = filesystem.block_size,
        .blocks = filesystem.block_count,
        .free_blocks = filesystem.free_blocks,
        .inodes = filesystem.inode_count,
        .free_inodes = filesystem.free_inodes,
    };
    strlcpy(mount_info.type, type_name(&filesystem), sizeof(mount_info.type));
    strlcpy(mount_info.device, device, sizeof(mount_info.device));
    strlcpy(mount_info.label, filesystem.label, sizeof(mount_info.label));
    format_uuid(mount_info.uuid, sizeof(mount_info.uuid), filesystem.uuid);
}

/* Remembers why nothing could be mounted. What was found damaged or unsupported says more than what was not found. */
static void note_failure(enum error error, const char *device, const char *cause)
{
    if (mount_info.cause[0] && mount_error != ERR_NO_FS)
        return;
    mount_error = error;
    strlcpy(mount_info.device, device, sizeof(mount_info.device));
    strlcpy(mount_info.cause, cause[0] ? cause : error_text(error), sizeof(mount_info.cause));
}

static enum error mount_at(const char *device, uint64_t start, uint64_t size)
{
    struct ext4_source source = cache_blocks(start, size);
    enum error error = ext4_mount(&filesystem, &source, replay_table, replay_table ? REPLAY_BYTES : 0);

    if (error)
        return error;
    mount_error = ERR_OK;
    fill_info(device);
    rt_log("mounted %s file system \"%s\" on %s, %lu blocks of %u bytes%s", mount_info.type, mount_info.label,
           device, (unsigned long)filesystem.block_count, filesystem.block_size,
           filesystem.replay.active ? ", through its journal" : "");
    return ERR_OK;
}

static bool mount_partitions(const char *device)
{
    static struct partition list[MAX_PARTITIONS];
    struct partition_table table;
    struct sector_source sectors = cache_sectors();
    enum error error = partitions_read(&sectors, list, MAX_PARTITIONS, &table);
    char name[32];

    if (error == ERR_NOT_FOUND) {
        note_failure(ERR_NO_FS, device, "neither an ext4 file system nor a partition table");
        return false;
    }
    if (error) {
        note_failure(error, device, table.cause);
        return false;
    }
    if (table.used_backup)
        rt_log("%s: partition table: %s; using the backup", device, table.cause);
    for (uint32_t i = 0; i < table.count && i < MAX_PARTITIONS; i++) {
        format_buffer(name, sizeof(name), "%s partition %u", device, list[i].number);
        error = mount_at(name, list[i].first * BLK_SECTOR, list[i].count * BLK_SECTOR);
        if (!error)
            return true;
        if (error != ERR_NO_FS)
            note_failure(error, name, filesystem.cause);
    }
    note_failure(ERR_NO_FS, device, "no partition holds an ext4 file system");
    return false;
}

static bool mount_disk(void)
{
    char name[sizeof(disk.info.name) + 1] = {0};
    enum error error = cache_open(&disk);

    memcpy(name, disk.info.name, sizeof(disk.info.name));
    if (error) {
        note_failure(error, name, "");
        return false;
    }
    error = mount_at(name, 0, disk.info.sectors * BLK_SECTOR);
    if (error == ERR_NO_FS)
        return mount_partitions(name);
    if (error)
        note_failure(error, name, filesystem.cause);
    return !error;
}

void mount_root(void)
{
    mount_error = ERR_NO_FS;
    mount_info = (struct fs_info_reply){0};
    if (!replay_table)
        replay_table = rt_map(REPLAY_BYTES, MM_READ | MM_WRITE);
    for (unsigned unit = 0; disk_find(&disk, unit); unit++)
        if (mount_disk())
            return;
    if (!mount_info.cause[0])
        note_failure(ERR_NO_FS, "", "no disk");
    rt_log("nothing mounted: %s%s%s", mount_info.device, mount_info.device[0] ? ": " : "", mount_info.cause);
}
