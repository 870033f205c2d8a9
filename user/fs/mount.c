/* SPDX-License-Identifier: MIT */
/* Finding and mounting the root file system: see mount.h. */
#include "mount.h"

#include "cache.h"
#include "clock.h"
#include "root.h"

#include <base/format.h>
#include <ext4/write.h>
#include <proto/mm.h>
#include <rt/rt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTITIONS 128
#define REPLAY_BYTES   (1 << 16) /* the table to begin with; a longer journal gets a larger one */
#define DIRTY_BLOCKS   1024      /* that differ from what is in their places, at most */

struct ext4 filesystem;
enum error mount_error = ERR_NO_FS;
struct fs_info_reply mount_info;

/* Where a file system is. */
struct place {
    unsigned unit; /* of all disks */
    uint32_t partition;
    uint64_t start, size; /* bytes */
    char device[64];
    enum root_rank rank; /* ROOT_NONE: there is none here */
};

static const char *wanted;    /* by the kernel's command line; NULL: nothing said */
static uint8_t root_uuid[16]; /* of the root that was mounted first: no other takes its place */
static bool had_root;
static uint64_t disks_seen; /* what disks there were at the last try */
static struct place best;   /* that was found so far */
static struct disk disk;    /* that is looked at */
static void *replay_table;
static size_t replay_bytes;
static void *writer;
static size_t writer_bytes;

void mount_want(const char *root)
{
    wanted = root;
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
    root_format_uuid(mount_info.uuid, filesystem.uuid);
}

/* Remembers why nothing could be mounted. What was found damaged or unsupported says more than what was not
 * found. */
static void note_failure(enum error error, const char *device, const char *cause)
{
    if (mount_info.cause[0] && mount_error != ERR_NO_FS)
        return;
    mount_error = error;
    strlcpy(mount_info.device, device, sizeof(mount_info.device));
    strlcpy(mount_info.cause, cause[0] ? cause : error_text(error), sizeof(mount_info.cause));
}

/* How good the file system that was just mounted is as the root. */
static enum root_rank rank_of(const struct place *place, const uint8_t *guid)
{
    const struct root_candidate candidate = {disk.info.name, place->partition, guid, filesystem.label,
                                             filesystem.uuid};

    if (had_root)
        return memcmp(root_uuid, filesystem.uuid, sizeof(root_uuid)) ? ROOT_NONE : ROOT_NAMED;
    return root_rank(wanted, &candidate);
}

/* Memory for the blocks that wait in a journal, in place of what there was. */
static void make_replay_table(size_t bytes)
{
    if (replay_table)
        rt_unmap(replay_table, replay_bytes);
    replay_table = rt_map(bytes, MM_READ | MM_WRITE);
    replay_bytes = replay_table ? bytes : 0;
}

static enum error mount_at(const struct place *place)
{
    struct ext4_source source = cache_blocks(place->start, place->size);
    enum error error = ext4_mount(&filesystem, &source, replay_table, replay_bytes);

    if (error != ERR_NO_MEMORY || filesystem.replay.wanted <= replay_bytes)
        return error;
    make_replay_table(filesystem.replay.wanted);
    return ext4_mount(&filesystem, &source, replay_table, replay_bytes);
}

/* Whether no other place can be better. */
static bool is_best(enum root_rank rank)
{
    return rank == ROOT_NAMED || (rank == ROOT_LABELLED && !wanted);
}

/* Looks whether there is a file system, and remembers the place if it is the best so far. True: it is
 * mounted, and the search is over. */
static bool try_place(struct place *place, const uint8_t *guid, enum error *error)
{
    *error = mount_at(place);
    if (*error)
        return false;
    place->rank = rank_of(place, guid);
    if (place->rank > best.rank)
        best = *place;
    return is_best(place->rank);
}

static bool try_partitions(struct place whole)
{
    static struct partition list[MAX_PARTITIONS];
    struct partition_table table;
    struct sector_source sectors = cache_sectors();
    enum error error = partitions_read(&sectors, list, MAX_PARTITIONS, &table);
    struct place place = whole;

    if (error) {
        bool none = error == ERR_NOT_FOUND;
        note_failure(none ? ERR_NO_FS : error, whole.device,
                     none ? "neither an ext4 file system nor a partition table" : table.cause);
        return false;
    }
    for (uint32_t i = 0; i < table.count && i < MAX_PARTITIONS; i++) {
        place.partition = list[i].number;
        place.start = list[i].start;
        place.size = list[i].size;
        format_buffer(place.device, sizeof(place.device), "%s partition %u", whole.device, list[i].number);
        if (try_place(&place, list[i].guid, &error))
            return true;
        if (error && error != ERR_NO_FS)
            note_failure(error, place.device, filesystem.cause);
    }
    note_failure(ERR_NO_FS, whole.device, "no partition holds an ext4 file system");
    return false;
}

/* Looks at the whole disk, then at its partitions. True: the root is mounted. */
static bool try_disk(unsigned unit)
{
    static const uint8_t no_guid[16];
    enum error error = cache_open(&disk);
    struct place whole = {.unit = unit, .size = disk.info.sectors * BLK_SECTOR};

    strlcpy(whole.device, disk.info.name, sizeof(whole.device));
    if (error) {
        note_failure(error, whole.device,
                     error == ERR_UNSUPPORTED ? "its sectors are larger than 4096 bytes" : "");
        return false;
    }
    if (try_place(&whole, no_guid, &error))
        return true;
    if (error == ERR_NO_FS)
        return try_partitions(whole);
    if (error)
        note_failure(error, whole.device, filesystem.cause);
    return false;
}

static bool search(void)
{
    for (unsigned unit = 0; disk_find(&disk, unit); unit++)
        if (disk.info.sectors && try_disk(unit))
            return true;
    return false;
}

/* After the search went on past the best place, which is mounted now again. */
static enum error mount_best(void)
{
    enum error error;

    if (!disk_find(&disk, best.unit))
        return ERR_NO_DEVICE;
    error = cache_open(&disk);
    return error ? error : mount_at(&best);
}

static enum error say_read_only(enum error error)
{
    mount_info.read_only = 1;
    rt_log("%s: read-only: %s", best.device, filesystem.cause[0] ? filesystem.cause : error_text(error));
    return error;
}

enum error mount_start_writing(void)
{
    size_t bytes = ext4_writer_size(filesystem.block_size, DIRTY_BLOCKS);

    if (ext4_can_write(&filesystem))
        return ERR_OK;
    if (filesystem.writer || mount_info.read_only)
        return ERR_READ_ONLY;
    if (writer && bytes > writer_bytes) {
        rt_unmap(writer, writer_bytes);
        writer = NULL;
    }
    if (!writer)
        writer = rt_map(writer_bytes = bytes, MM_READ | MM_WRITE);
    if (!writer)
        return ERR_NO_MEMORY;
    filesystem.cause[0] = 0;
    enum error error = ext4_start_writing(&filesystem, writer, writer_bytes, clock_now());
    return error ? say_read_only(error) : ERR_OK;
}

enum error mount_stop_writing(void)
{
    bool was_good = ext4_can_write(&filesystem);
    enum error error = ext4_stop_writing(&filesystem);

    return error && was_good ? say_read_only(error) : error;
}

/* A file system that was not unmounted is brought in order now; another one is written when it is changed. */
static void prepare_writing(void)
{
    clock_begin(&filesystem);
    if (filesystem.block_size < disk.info.block_bytes)
        filesystem.source.write = NULL; /* the disk takes whole sectors only */
    filesystem.cause[0] = 0;
    if (ext4_check_writing(&filesystem))
        say_read_only(ERR_READ_ONLY);
    else if (filesystem.replay.active)
        mount_start_writing();
}

static void announce(void)
{
    const char *journal = filesystem.replay.active ? ", through its journal" : "";

    memcpy(root_uuid, filesystem.uuid, sizeof(root_uuid));
    cache_expect(root_uuid);
    had_root = true;
    mount_error = ERR_OK;
    fill_info(best.device);
    rt_log("mounted %s file system \"%s\" on %s, %lu blocks of %u bytes%s", mount_info.type, mount_info.label,
           best.device, (unsigned long)filesystem.block_count, filesystem.block_size, journal);
    prepare_writing();
}

void mount_root(void)
{
    enum error error = ERR_OK;

    mount_error = ERR_NO_FS;
    mount_info = (struct fs_info_reply){0};
    best = (struct place){0};
    disks_seen = disks_present();
    if (!replay_table)
        make_replay_table(REPLAY_BYTES);
    if (!search() && best.rank)
        error = mount_best();
    if (best.rank && !error) {
        announce();
        if (wanted && best.rank != ROOT_NAMED) {
            format_buffer(mount_info.cause, sizeof(mount_info.cause),
                          "no file system is root=%s; the root is another, on %s", wanted, best.device);
            rt_log("%s", mount_info.cause);
        }
        return;
    }
    if (error)
        note_failure(error, best.device, "");
    if (!mount_info.cause[0])
        note_failure(ERR_NO_FS, "", had_root ? "the disk with the root is gone" : "no disk");
    rt_log("nothing mounted: %s%s%s", mount_info.device, mount_info.device[0] ? ": " : "", mount_info.cause);
}

bool mount_may_work_now(void)
{
    return mount_error == ERR_NO_FS && disks_present() != disks_seen;
}
