/* SPDX-License-Identifier: MIT */
/*
 * What tests of a file system that is written share: a disk that notes what reaches it, a model, random
 * operations.
 */
#pragma once

#include <ext4/write.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says what is wrong and ends the program. */
void wrong(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static inline uint64_t random_of(uint64_t *state)
{
    uint64_t n = *state += 0x9e3779b97f4a7c15;

    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;
    return n ^ n >> 31;
}

static inline uint64_t below(uint64_t *state, uint64_t limit)
{
    return random_of(state) % limit;
}

/* --- disk.c --- */

/* What reached the disk: a block, or a flush (no bytes). */
struct event {
    uint64_t number;
    uint8_t *bytes;
};

struct disk {
    uint8_t *bytes;
    size_t size;
    uint32_t block_size;
    struct cached **blocks; /* by number */
    unsigned held;
    struct event *events; /* noted if `notes` */
    size_t event_count, event_room;
    bool notes;
    uint64_t fails_at; /* the write that fails, counted down; 0: none does */
    unsigned lines;
    char said[200];
};

struct disk disk_load(const char *path);
void disk_save(const struct disk *disk, const char *path);
void disk_free(struct disk *disk);
/* Forgets what is in memory, as when the power goes: what was not written is lost. */
void disk_forget(struct disk *disk);
struct ext4_source disk_source(struct disk *disk);

/* Mounts, and starts to write; ends the test if that fails. */
struct mounted {
    struct ext4 fs;
    void *memory, *table;
};
void mount_disk(struct mounted *mounted, struct disk *disk, unsigned blocks);
void unmount_disk(struct mounted *mounted);
/* Without a word to the disk. */
void drop_mount(struct mounted *mounted);

/* --- model.c --- */

struct model_node {
    uint16_t type; /* EXT4_S_IF... */
    uint32_t links, inode;
    uint32_t open; /* names in the model that lead here */
    uint8_t *data; /* of a file, or a link's target */
    size_t size;
    struct model_entry *entries; /* of a directory */
    unsigned count;
    struct model_node *copy; /* while a model is copied */
};

struct model_entry {
    char name[256];
    struct model_node *node;
};

struct model {
    struct model_node *root;
    struct model_node *graves; /* files that went since the last commit, chained by `copy` */
};

struct model model_new(void);
struct model model_copy(const struct model *model);
void model_free(struct model *model);
/* Forgets the files that went. */
void model_clear_graves(struct model *model);
struct model_node *model_find(const struct model_node *dir, const char *name);

/*
 * Compares what is mounted with the model. `later`: the same some operations later, or NULL; bytes of files
 * may be of either. Returns what differs, or NULL.
 */
const char *model_compare(struct ext4 *fs, const struct model *model, const struct model *later);

/* --- operations.c --- */

struct workload {
    struct ext4 *fs;
    struct model model;
    uint64_t random;
    unsigned names; /* of each directory */
    size_t most;    /* bytes of a file */
    bool small;     /* no operation takes several steps */
    unsigned long done, refused;
    const char *last; /* what was done last */
};

/* One random operation, on the file system and the model alike; ends the test if they differ. */
void operate(struct workload *workload);
