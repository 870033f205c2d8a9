/* SPDX-License-Identifier: MIT */
/*
 * Reading a file system that was not unmounted cleanly as if its journal had been replayed: a table says for
 * which blocks the journal has newer content. Nothing is written
 * (Documentation/filesystems/ext4/journal.rst).
 *
 * The log is walked four times: to find the last transaction that was committed; to list the blocks that have
 * copies; to learn which of them were revoked, and when; and to note the newest copy of each that was not
 * revoked later.
 */
#include "internal.h"

#include <base/crc32c.h>
#include <string.h>

#define SUPPORTED_JOURNAL                                                                                    \
    (JBD2_FEATURE_INCOMPAT_REVOKE | JBD2_FEATURE_INCOMPAT_64BIT | JBD2_FEATURE_INCOMPAT_CSUM_V2 |            \
     JBD2_FEATURE_INCOMPAT_CSUM_V3 | JBD2_FEATURE_INCOMPAT_FAST_COMMIT)

enum pass { PASS_SCAN, PASS_LIST, PASS_REVOKE, PASS_REPLAY };

struct journal {
    struct ext4_node node;
    uint32_t first, length;   /* the log's blocks are [first, length) of the file */
    uint32_t start, sequence; /* its oldest block, and the transaction there */
    uint32_t end_sequence;    /* the first transaction that was not committed */
    uint32_t fast_commits; /* block of the file behind the log where fast commits begin; 0: there are none */
    uint32_t copies;       /* tags in the log */
    bool wide, checksums, tags3;
    uint32_t seed;
};

/* Where a walk has got to. */
struct position {
    uint32_t block, sequence;
    uint32_t left; /* blocks of the log that were not looked at yet */
};

static struct ext4_replay_entry *find_slot(const struct ext4_replay *replay, uint64_t block)
{
    uint32_t at = (uint32_t)(block * 0x9e3779b97f4a7c15 >> 32) & (replay->capacity - 1);
    while (replay->entries[at].used && replay->entries[at].block != block)
        at = (at + 1) & (replay->capacity - 1);
    return &replay->entries[at];
}

enum error ext4_replay_get(struct ext4 *fs, uint64_t number, struct ext4_block **block)
{
    static const struct ext4_be32 magic = {{JBD2_MAGIC_NUMBER >> 24, JBD2_MAGIC_NUMBER >> 16 & 0xff,
                                            JBD2_MAGIC_NUMBER >> 8 & 0xff, JBD2_MAGIC_NUMBER & 0xff}};
    const struct ext4_replay_entry *entry = find_slot(&fs->replay, number);
    bool copied = entry->used && entry->copy;
    if (copied)
        number = entry->copy;
    enum error error = fs->source.get(fs->source.context, number, block);
    if (error)
        return ext4_fail(fs, error, "block %lu: cannot be read", number);
    if (copied && entry->escaped)
        memcpy((*block)->data, &magic, sizeof(magic)); /* nobody reads the log any more */
    return ERR_OK;
}

/* The entry for `block`, made if there is none. One slot always stays free, so that a search ends. */
static enum error entry_for(struct ext4 *fs, uint64_t block, struct ext4_replay_entry **entry)
{
    if (block >= fs->block_count)
        return ext4_fail(fs, ERR_CORRUPT, "journal: block %lu of %lu", block, fs->block_count);
    *entry = find_slot(&fs->replay, block);
    if ((*entry)->used)
        return ERR_OK;
    if (fs->replay.count + 1 >= fs->replay.capacity)
        return ext4_fail(fs, ERR_NO_MEMORY, "journal: more than %u blocks wait to be replayed",
                         fs->replay.count);
    fs->replay.count++;
    **entry = (struct ext4_replay_entry){.block = block, .used = 1};
    return ERR_OK;
}

static enum error get_log_block(struct ext4 *fs, const struct journal *journal, uint32_t index,
                                struct ext4_block **block, uint64_t *place)
{
    struct ext4_run run;
    enum error error = ext4_map(fs, &journal->node, index, &run);
    if (error)
        return error;
    if (run.block == 0)
        return ext4_fail(fs, ERR_CORRUPT, "journal: block %u is a hole", index);
    *place = run.block;
    return ext4_get_block(fs, run.block, block);
}

static void step(const struct journal *journal, struct position *at)
{
    at->left -= at->left ? 1 : 0;
    if (++at->block >= journal->length)
        at->block = journal->first;
}

/* Descriptors and revocations end with a checksum, which counts as zero in it. */
static bool tail_sound(const struct ext4 *fs, const struct journal *journal, const uint8_t *data)
{
    static const uint8_t zero[4];
    if (!journal->checksums)
        return true;
    uint32_t end = fs->block_size - sizeof(struct ext4_be32);
    uint32_t sum = crc32c(crc32c(journal->seed, data, end), zero, sizeof(zero));
    return sum == ext4_be32(*(const struct ext4_be32 *)(data + end));
}

static bool commit_sound(const struct ext4 *fs, const struct journal *journal, const uint8_t *data)
{
    static const uint8_t zero[4];
    if (!journal->checksums)
        return true;
    uint32_t at = offsetof(struct journal_commit_header, h_chksum), after = at + sizeof(zero);
    uint32_t sum = crc32c(crc32c(journal->seed, data, at), zero, sizeof(zero));
    sum = crc32c(sum, data + after, fs->block_size - after);
    return sum == ext4_be32(((const struct journal_commit_header *)data)->h_chksum[0]);
}

struct tag {
    uint64_t block;
    uint32_t flags, checksum;
};

static uint32_t tag_size(const struct journal *journal)
{
    if (journal->tags3)
        return sizeof(struct journal_block_tag3);
    return (journal->wide ? 12 : 8) + (journal->checksums ? 2 : 0);
}

static struct tag parse_tag(const struct journal *journal, const uint8_t *bytes)
{
    const struct ext4_be32 *words = (const void *)bytes;
    struct tag tag = {.block = ext4_be32(words[0]), .flags = ext4_be32(words[1])};
    if (journal->wide)
        tag.block |= (uint64_t)ext4_be32(words[2]) << 32;
    tag.checksum = journal->tags3 ? ext4_be32(words[3]) : tag.flags >> 16;
    tag.flags &= journal->tags3 ? UINT32_MAX : UINT16_MAX;
    return tag;
}

/* The entry for `block` if it is listed, or NULL. */
static struct ext4_replay_entry *listed(struct ext4 *fs, uint64_t block)
{
    struct ext4_replay_entry *entry = find_slot(&fs->replay, block);
    return entry->used ? entry : NULL;
}

/*
 * Notes the copy of tag.block that lies at `at` in the log, unless a revocation says that it no longer
 * counts.
 */
static enum error replay_tag(struct ext4 *fs, const struct journal *journal, const struct tag *tag,
                             const struct position *at)
{
    struct ext4_replay_entry *entry = listed(fs, tag->block);
    if (!entry || (entry->revoked && (int32_t)(entry->revoked_in - at->sequence) >= 0))
        return ERR_OK;
    struct ext4_block *block;
    enum error error = get_log_block(fs, journal, at->block, &block, &entry->copy);
    if (error)
        return error;
    entry->escaped = (tag->flags & JBD2_FLAG_ESCAPE) != 0;
    struct ext4_be32 sequence = {{at->sequence >> 24, at->sequence >> 16, at->sequence >> 8, at->sequence}};
    uint32_t sum = crc32c(crc32c(journal->seed, &sequence, sizeof(sequence)), block->data, fs->block_size);
    ext4_put_block(fs, block);
    sum &= journal->tags3 ? UINT32_MAX : UINT16_MAX;
    if (journal->checksums && sum != tag->checksum)
        return ext4_fail(fs, ERR_CORRUPT, "journal: copy of block %lu: checksum %08x, computed %08x",
                         tag->block, tag->checksum, sum);
    return ERR_OK;
}

static enum error read_tag(struct ext4 *fs, struct journal *journal, const struct tag *tag, enum pass pass,
                           const struct position *at)
{
    struct ext4_replay_entry *entry;
    switch (pass) {
    case PASS_SCAN: journal->copies++; return ERR_OK;
    case PASS_LIST: return entry_for(fs, tag->block, &entry);
    case PASS_REPLAY: return replay_tag(fs, journal, tag, at);
    default: return ERR_OK;
    }
}

/* Goes through a descriptor's tags; `at` moves over the copies that follow it. */
static enum error read_descriptor(struct ext4 *fs, struct journal *journal, const uint8_t *data,
                                  enum pass pass, struct position *at)
{
    uint32_t end = fs->block_size - (journal->checksums ? sizeof(struct ext4_be32) : 0);
    uint32_t offset = sizeof(struct journal_header), size = tag_size(journal);
    while (offset + size <= end) {
        struct tag tag = parse_tag(journal, data + offset);
        step(journal, at);
        enum error error = read_tag(fs, journal, &tag, pass, at);
        if (error)
            return error;
        offset += size + (tag.flags & JBD2_FLAG_SAME_UUID ? 0 : 16);
        if (tag.flags & JBD2_FLAG_LAST_TAG)
            break;
    }
    return ERR_OK;
}

static enum error read_revocations(struct ext4 *fs, const struct journal *journal, const uint8_t *data,
                                   uint32_t sequence)
{
    uint32_t end = ext4_be32(((const struct journal_revoke_header *)data)->r_count);
    uint32_t size = journal->wide ? 8 : 4;
    if (end > fs->block_size)
        return ext4_fail(fs, ERR_CORRUPT, "journal: revocation block of %u bytes", end);
    for (uint32_t offset = sizeof(struct journal_revoke_header); offset + size <= end; offset += size) {
        const struct ext4_be32 *words = (const void *)(data + offset);
        uint64_t block = ext4_be32(words[0]);
        if (journal->wide)
            block = block << 32 | ext4_be32(words[1]);
        struct ext4_replay_entry *entry = listed(fs, block);
        if (!entry)
            continue;
        if (!entry->revoked || (int32_t)(sequence - entry->revoked_in) > 0)
            entry->revoked_in = sequence;
        entry->revoked = 1;
    }
    return ERR_OK;
}

/* One block of the log with the right sequence number. *end: the log ends before it. */
static enum error read_log_block(struct ext4 *fs, struct journal *journal, const uint8_t *data,
                                 enum pass pass, struct position *at, bool *end)
{
    const struct journal_header *header = (const void *)data;
    switch (ext4_be32(header->h_blocktype)) {
    case JBD2_DESCRIPTOR_BLOCK:
        *end = !tail_sound(fs, journal, data);
        return *end ? ERR_OK : read_descriptor(fs, journal, data, pass, at);
    case JBD2_REVOKE_BLOCK:
        *end = !tail_sound(fs, journal, data);
        return *end || pass != PASS_REVOKE ? ERR_OK : read_revocations(fs, journal, data, at->sequence);
    case JBD2_COMMIT_BLOCK:
        *end = !commit_sound(fs, journal, data);
        at->sequence += *end ? 0 : 1;
        return ERR_OK;
    default: *end = true; return ERR_OK;
    }
}

static enum error walk(struct ext4 *fs, struct journal *journal, enum pass pass)
{
    struct position at = {journal->start, journal->sequence, journal->length - journal->first};
    bool end = false;
    while (!end && at.left > 0 && (pass == PASS_SCAN || at.sequence != journal->end_sequence)) {
        struct ext4_block *block;
        uint64_t place;
        enum error error = get_log_block(fs, journal, at.block, &block, &place);
        if (error)
            return error;
        const struct journal_header *header = (const void *)block->data;
        end = ext4_be32(header->h_magic) != JBD2_MAGIC_NUMBER || ext4_be32(header->h_sequence) != at.sequence;
        if (!end)
            error = read_log_block(fs, journal, block->data, pass, &at, &end);
        ext4_put_block(fs, block);
        if (error)
            return error;
        step(journal, &at);
    }
    if (pass == PASS_SCAN)
        journal->end_sequence = at.sequence;
    return ERR_OK;
}

static enum error check_super(struct ext4 *fs, struct journal *journal,
                              const struct journal_superblock *super)
{
    static const uint8_t zero[4];
    char list[EXT4_FEATURE_LIST];
    uint32_t type = ext4_be32(super->s_header.h_blocktype);
    if (ext4_be32(super->s_header.h_magic) != JBD2_MAGIC_NUMBER ||
        (type != JBD2_SUPERBLOCK_V1 && type != JBD2_SUPERBLOCK_V2))
        return ext4_fail(fs, ERR_CORRUPT, "journal: no superblock in inode %u", journal->node.inode);
    uint32_t features = type == JBD2_SUPERBLOCK_V2 ? ext4_be32(super->s_feature_incompat) : 0;
    if (features & ~(uint32_t)SUPPORTED_JOURNAL)
        return ext4_fail(
            fs, ERR_UNSUPPORTED, "journal: feature %s is not supported",
            ext4_feature_names(list, features & ~(uint32_t)SUPPORTED_JOURNAL, ext4_journal_names, 'I'));
    journal->wide = features & JBD2_FEATURE_INCOMPAT_64BIT;
    journal->tags3 = features & JBD2_FEATURE_INCOMPAT_CSUM_V3;
    journal->checksums = journal->tags3 || features & JBD2_FEATURE_INCOMPAT_CSUM_V2;
    journal->seed = crc32c(~0u, super->s_uuid, sizeof(super->s_uuid));
    if (journal->checksums) {
        uint32_t at = offsetof(struct journal_superblock, s_checksum), after = at + sizeof(zero);
        uint32_t sum = crc32c(crc32c(~0u, super, at), zero, sizeof(zero));
        sum = crc32c(sum, (const uint8_t *)super + after, sizeof(*super) - after);
        if (sum != ext4_be32(super->s_checksum))
            return ext4_fail(fs, ERR_CORRUPT, "journal superblock: checksum %08x, computed %08x",
                             ext4_be32(super->s_checksum), sum);
    }
    return ERR_OK;
}

/* The last blocks of the journal are kept for fast commits; one between them and the log stays unused. */
static void set_fast_commits(struct journal *journal, const struct journal_superblock *super)
{
    uint32_t count = ext4_be32(super->s_num_fc_blocks);
    count = count ? count : JBD2_DEFAULT_FAST_COMMIT_BLOCKS;
    if (!(ext4_be32(super->s_feature_incompat) & JBD2_FEATURE_INCOMPAT_FAST_COMMIT) ||
        journal->length < count || journal->length - count < JBD2_MIN_JOURNAL_BLOCKS)
        return;
    journal->length -= count;
    journal->fast_commits = journal->length + 1;
}

/*
 * A fast commit describes what a transaction that was not committed has changed, inode by inode. It counts if
 * it begins with a head that names the transaction which would come next.
 */
static enum error refuse_fast_commits(struct ext4 *fs, const struct journal *journal)
{
    struct ext4_block *block;
    uint64_t place;
    if (journal->fast_commits == 0)
        return ERR_OK;
    enum error error = get_log_block(fs, journal, journal->fast_commits, &block, &place);
    if (error)
        return error;
    const struct ext4_fc_head *head = (const void *)block->data;
    bool waits = head->fc_tag == EXT4_FC_TAG_HEAD && head->fc_tid == journal->end_sequence;
    ext4_put_block(fs, block);
    return waits
               ? ext4_fail(fs, ERR_UNSUPPORTED, "journal: fast_commit: has changes that have to be replayed")
               : ERR_OK;
}

static enum error read_journal_super(struct ext4 *fs, struct journal *journal)
{
    struct ext4_block *block;
    uint64_t place;
    enum error error = get_log_block(fs, journal, 0, &block, &place);
    if (error)
        return error;
    const struct journal_superblock *super = (const void *)block->data;
    error = check_super(fs, journal, super);
    journal->first = ext4_be32(super->s_first);
    journal->length = ext4_be32(super->s_maxlen);
    journal->start = ext4_be32(super->s_start);
    journal->sequence = ext4_be32(super->s_sequence);
    uint32_t block_size = ext4_be32(super->s_blocksize);
    set_fast_commits(journal, super);
    ext4_put_block(fs, block);
    if (error)
        return error;
    /* A log that is no longer than the file system may map blocks twice, but not without end. */
    if (block_size != fs->block_size || journal->length > journal->node.size >> fs->block_shift ||
        journal->length > fs->block_count || journal->first == 0 || journal->first >= journal->length)
        return ext4_fail(fs, ERR_CORRUPT, "journal superblock: log is [%u, %u) of blocks of %u bytes",
                         journal->first, journal->length, block_size);
    if (journal->start && (journal->start < journal->first || journal->start >= journal->length))
        return ext4_fail(fs, ERR_CORRUPT, "journal superblock: log of [%u, %u) starts at %u", journal->first,
                         journal->length, journal->start);
    return ERR_OK;
}

static void set_memory(struct ext4_replay *replay, void *memory, size_t size)
{
    size_t fit = size / sizeof(struct ext4_replay_entry);
    replay->capacity = 1;
    while (replay->capacity <= fit / 2 && replay->capacity <= UINT32_MAX / 4)
        replay->capacity *= 2;
    replay->entries = memory;
    memset(memory, 0, replay->capacity * sizeof(struct ext4_replay_entry));
}

/* Memory for so many copies that no table with slots to spare for as many blocks takes more. */
static size_t memory_for(uint32_t copies)
{
    size_t capacity = 2;
    while (capacity <= copies + copies / 4)
        capacity *= 2;
    return capacity * sizeof(struct ext4_replay_entry);
}

enum error ext4_replay_load(struct ext4 *fs, void *memory, size_t size)
{
    struct journal journal = {0};
    if (fs->journal_inode == 0)
        return ext4_fail(fs, ERR_UNSUPPORTED, "journal: is on another device and has to be replayed");
    enum error error = ext4_read_node(fs, fs->journal_inode, &journal.node);
    if (!error)
        error = read_journal_super(fs, &journal);
    if (error || journal.start == 0)
        return error;
    if (size < 2 * sizeof(struct ext4_replay_entry))
        return ext4_fail(fs, ERR_UNSUPPORTED,
                         "journal: has to be replayed (the file system was not unmounted)");
    error = walk(fs, &journal, PASS_SCAN);
    if (!error)
        error = refuse_fast_commits(fs, &journal);
    if (error)
        return error;
    set_memory(&fs->replay, memory, size);
    fs->replay.wanted = memory_for(journal.copies);
    for (enum pass pass = PASS_LIST; !error && pass <= PASS_REPLAY; pass++)
        error = walk(fs, &journal, pass);
    fs->replay.active = !error;
    return error;
}

enum error ext4_replay_log(struct ext4 *fs, struct ext4_replay_log *log)
{
    struct journal journal = {0};
    enum error error = ext4_read_node(fs, fs->journal_inode, &journal.node);
    if (!error)
        error = read_journal_super(fs, &journal);
    journal.end_sequence = journal.sequence;
    if (!error && journal.start)
        error = walk(fs, &journal, PASS_SCAN);
    *log = (struct ext4_replay_log){journal.node, journal.first, journal.length, journal.end_sequence};
    return error;
}

enum error ext4_replay_each(struct ext4 *fs, enum error (*visit)(struct ext4 *fs, uint64_t block))
{
    enum error error = ERR_OK;
    for (uint32_t i = 0; !error && i < fs->replay.capacity; i++)
        if (fs->replay.entries[i].used && fs->replay.entries[i].copy)
            error = visit(fs, fs->replay.entries[i].block);
    return error;
}
