/* SPDX-License-Identifier: MIT */
/*
 * Writing the journal (jbd2; Documentation/filesystems/ext4/journal.rst), in ordered mode: what files hold
 * is in its place before the log says that it is theirs, and a commit record is written after all that it
 * stands for.
 *
 * The log is emptied as a whole: after a commit that leaves no room for the largest transaction, everything
 * that was committed is written to its place (a checkpoint), and the log begins anew where it has got to.
 */
#include "writer.h"

#include <base/crc32c.h>
#include <string.h>

#define CRC32C_TYPE 4 /* s_checksum_type */
#define UUID_SIZE   16

static struct ext4_be32 be32(uint32_t n)
{
    return (struct ext4_be32){{(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static enum error write_block(struct ext4 *fs, struct ext4_block *block)
{
    fs->writer->unflushed = true;
    enum error error = fs->source.write(fs->source.context, block);
    return error ? ext4_fail(fs, error, "block %lu: cannot be written", block->number) : ERR_OK;
}

static enum error flush(struct ext4 *fs)
{
    if (!fs->writer->unflushed)
        return ERR_OK;
    enum error error = fs->source.flush(fs->source.context);
    fs->writer->unflushed = false;
    return error ? ext4_fail(fs, error, "the disk does not say that it has what was written") : ERR_OK;
}

/* --- The log --- */

/* The place of a block of the journal. */
static enum error log_place(struct ext4 *fs, uint32_t index, uint64_t *place)
{
    struct ext4_writer *writer = fs->writer;
    if (index - writer->log_at >= writer->log_run.count) {
        enum error error = ext4_map(fs, &writer->journal, index, &writer->log_run);
        if (error)
            return error;
        if (writer->log_run.block == 0)
            return ext4_fail(fs, ERR_CORRUPT, "journal: block %u is a hole", index);
        writer->log_at = index;
    }
    *place = writer->log_run.block + (index - writer->log_at);
    return ERR_OK;
}

/* The next block of the log, zero. */
static enum error next_block(struct ext4 *fs, struct ext4_block **block)
{
    struct ext4_writer *writer = fs->writer;
    uint64_t place;
    if (writer->log_free == 0)
        return ext4_fail(fs, ERR_NO_MEMORY, "journal: the log is full");
    enum error error = log_place(fs, writer->head, &place);
    if (!error)
        error = fs->source.get_new(fs->source.context, place, block);
    if (error)
        return error;
    writer->log_free--;
    if (++writer->head == writer->length)
        writer->head = writer->first;
    return ERR_OK;
}

static enum error finish_block(struct ext4 *fs, struct ext4_block *block)
{
    enum error error = write_block(fs, block);
    ext4_put_block(fs, block);
    return error;
}

static void start_record(const struct ext4 *fs, struct ext4_block *block, uint32_t type)
{
    *(struct journal_header *)block->data =
        (struct journal_header){be32(JBD2_MAGIC_NUMBER), be32(type), be32(fs->writer->sequence)};
}

/* The checksum of a record's block, of which `used` bytes are not zero. */
static struct ext4_be32 record_sum(const struct ext4 *fs, const struct ext4_block *block, uint32_t used)
{
    return be32(crc32c_zeros(crc32c(fs->writer->journal_seed, block->data, used), fs->block_size - used));
}

/* Descriptors and revocations end with a checksum of the block. */
static enum error finish_record(struct ext4 *fs, struct ext4_block *block, uint32_t used)
{
    struct ext4_be32 *tail = (void *)(block->data + fs->block_size - sizeof(*tail));
    if (fs->writer->sums)
        *tail = record_sum(fs, block, used);
    return finish_block(fs, block);
}

static enum error write_revocations(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    uint32_t size = writer->wide ? 8 : 4, done = 0;
    uint32_t end = fs->block_size - (writer->sums ? sizeof(struct ext4_be32) : 0);
    while (done < writer->revoked_count) {
        struct ext4_block *block;
        enum error error = next_block(fs, &block);
        if (error)
            return error;
        start_record(fs, block, JBD2_REVOKE_BLOCK);
        uint32_t offset = sizeof(struct journal_revoke_header);
        for (; done < writer->revoked_count && offset + size <= end; offset += size) {
            uint64_t number = writer->revoked[done++];
            struct ext4_be32 *words = (void *)(block->data + offset);
            if (writer->wide)
                *words++ = be32((uint32_t)(number >> 32));
            *words = be32((uint32_t)number);
        }
        ((struct journal_revoke_header *)block->data)->r_count = be32(offset);
        error = finish_record(fs, block, offset);
        if (error)
            return error;
    }
    return ERR_OK;
}

static uint32_t tag_size(const struct ext4_writer *writer)
{
    return writer->sums ? sizeof(struct journal_block_tag3) : writer->wide ? 12 : 8;
}

/* Notes the checksum of the copy of a changed block that the log gets now. */
static void note_sum(struct ext4 *fs, struct ext4_changed *entry, const struct ext4_block *copy, bool escaped)
{
    struct ext4_block *before;
    bool known = entry->copy && !fs->source.get(fs->source.context, entry->copy, &before);
    entry->sum = known ? ext4_sum_of_change(entry->sum, before->data, copy->data, fs->block_size)
                       : crc32c(0, copy->data, fs->block_size);
    if (known)
        ext4_put_block(fs, before);
    entry->copy = escaped ? 0 : copy->number;
    entry->copy_seal = entry->seal;
    entry->copy_owner = entry->owner;
}

/* Copies a changed block into the log, its first word as zero where that looks like the log's own. */
static enum error write_copy(struct ext4 *fs, struct ext4_changed *entry, uint32_t *flags, uint32_t *sum)
{
    struct ext4_be32 magic = be32(JBD2_MAGIC_NUMBER);
    struct ext4_block *block;
    enum error error = next_block(fs, &block);
    if (error)
        return error;
    memcpy(block->data, entry->block->data, fs->block_size);
    if (memcmp(block->data, &magic, sizeof(magic)) == 0) {
        memset(block->data, 0, sizeof(magic));
        *flags |= JBD2_FLAG_ESCAPE;
    }
    if (fs->writer->sums) {
        note_sum(fs, entry, block, *flags & JBD2_FLAG_ESCAPE);
        *sum = fs->writer->sequence_sum ^ entry->sum;
    }
    return finish_block(fs, block);
}

/* A tag with checksum has other words in another order than one without. */
static void write_tag(const struct ext4_writer *writer, uint8_t *bytes, uint64_t number, uint32_t flags,
                      uint32_t sum)
{
    struct ext4_be32 *words = (void *)bytes;
    words[0] = be32((uint32_t)number);
    words[1] = be32(flags);
    if (writer->wide || writer->sums)
        words[2] = be32((uint32_t)(number >> 32));
    if (writer->sums)
        words[3] = be32(sum);
}

static bool is_logged(const struct ext4_changed *entry)
{
    return entry->running && entry->seal != EXT4_SEAL_DATA;
}

/* One descriptor with the copies that it describes, from entry *next on. */
static enum error write_descriptor(struct ext4 *fs, uint32_t *next, uint32_t *left)
{
    struct ext4_writer *writer = fs->writer;
    uint32_t size = tag_size(writer), offset = sizeof(struct journal_header);
    uint32_t end = fs->block_size - (writer->sums ? sizeof(struct ext4_be32) : 0);
    struct ext4_block *block;
    enum error error = next_block(fs, &block);
    if (error)
        return error;
    start_record(fs, block, JBD2_DESCRIPTOR_BLOCK);
    while (!error && *left > 0) {
        struct ext4_changed *entry = &writer->entries[(*next)++];
        if (!is_logged(entry))
            continue;
        bool first = offset == sizeof(struct journal_header);
        uint32_t whole = size + (first ? UUID_SIZE : 0), flags = first ? 0 : JBD2_FLAG_SAME_UUID, sum = 0;
        --*left;
        if (*left == 0 || offset + whole + size > end)
            flags |= JBD2_FLAG_LAST_TAG;
        error = write_copy(fs, entry, &flags, &sum);
        write_tag(writer, block->data + offset, entry->number, flags, sum);
        if (first)
            memcpy(block->data + offset + size, writer->journal_uuid, UUID_SIZE);
        offset += whole;
        if (flags & JBD2_FLAG_LAST_TAG)
            break;
    }
    enum error other = finish_record(fs, block, offset);
    return error ? error : other;
}

static enum error write_commit(struct ext4 *fs)
{
    struct ext4_block *block;
    enum error error = next_block(fs, &block);
    if (error)
        return error;
    struct journal_commit_header *commit = (void *)block->data;
    uint64_t seconds = (uint64_t)fs->writer->now.seconds;
    start_record(fs, block, JBD2_COMMIT_BLOCK);
    for (int i = 0; i < 8; i++)
        commit->h_commit_sec[i] = (uint8_t)(seconds >> (56 - 8 * i));
    commit->h_commit_nsec = be32(fs->writer->now.nanoseconds);
    if (fs->writer->sums)
        commit->h_chksum[0] = record_sum(fs, block, sizeof(*commit));
    return finish_block(fs, block);
}

/* --- The journal's superblock --- */

/* The features that this code writes; those of the log's old content do not matter, because it is empty. */
static void set_features(const struct ext4_writer *writer, struct journal_superblock *super)
{
    uint32_t features = JBD2_FEATURE_INCOMPAT_REVOKE;
    features |= writer->wide ? JBD2_FEATURE_INCOMPAT_64BIT : 0;
    features |= writer->sums ? JBD2_FEATURE_INCOMPAT_CSUM_V3 : 0;
    features |= ext4_be32(super->s_feature_incompat) & JBD2_FEATURE_INCOMPAT_FAST_COMMIT;
    super->s_feature_incompat = be32(features);
    super->s_feature_compat =
        be32(ext4_be32(super->s_feature_compat) & ~(uint32_t)JBD2_FEATURE_COMPAT_CHECKSUM);
    super->s_checksum_type = writer->sums ? CRC32C_TYPE : 0;
}

static enum error write_super(struct ext4 *fs, uint32_t start, uint32_t sequence)
{
    struct ext4_block *block;
    uint64_t place;
    enum error error = log_place(fs, 0, &place);
    if (!error)
        error = ext4_get_block(fs, place, &block);
    if (error)
        return error;
    struct journal_superblock *super = (void *)block->data;
    set_features(fs->writer, super);
    super->s_start = be32(start);
    super->s_sequence = be32(sequence);
    if (fs->writer->sums) {
        super->s_checksum = be32(0);
        super->s_checksum = be32(crc32c(~0u, super, sizeof(*super)));
    }
    error = write_block(fs, block);
    ext4_put_block(fs, block);
    return error;
}

static enum error read_super(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    struct ext4_replay_log log;
    struct ext4_block *block;
    uint64_t place;
    enum error error = ext4_replay_log(fs, &log);
    if (error)
        return error;
    writer->journal = log.node;
    writer->first = writer->head = log.first;
    writer->length = log.length;
    writer->sequence = log.end_sequence;
    writer->log_free = writer->length - writer->first;
    error = log_place(fs, 0, &place);
    if (!error)
        error = ext4_get_block(fs, place, &block);
    if (error)
        return error;
    memcpy(writer->journal_uuid, ((const struct journal_superblock *)block->data)->s_uuid, UUID_SIZE);
    writer->journal_seed = crc32c(~0u, writer->journal_uuid, UUID_SIZE);
    writer->wide = fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT;
    writer->sums = ext4_has_metadata_csum(fs);
    ext4_put_block(fs, block);
    return ERR_OK;
}

enum error ext4_journal_open(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    writer->running_limit = writer->capacity / 2;
    writer->journalled = fs->compat & EXT4_FEATURE_COMPAT_HAS_JOURNAL;
    if (!writer->journalled)
        return ERR_OK;
    enum error error = read_super(fs);
    if (error)
        return error;
    uint32_t most = (writer->length - writer->first) / 4;
    if (most < 2 * EXT4_OPERATION_BLOCKS)
        return ext4_fail(fs, ERR_READ_ONLY, "journal: a log of %u blocks is too short", writer->length);
    writer->running_limit = writer->running_limit < most ? writer->running_limit : most;
    return ext4_journal_clear(fs);
}

enum error ext4_journal_clear(struct ext4 *fs)
{
    if (!fs->writer->journalled)
        return ERR_OK;
    fs->writer->log_is_marked = false;
    enum error error = write_super(fs, 0, fs->writer->sequence);
    return error ? error : flush(fs);
}

/* --- Commits and checkpoints --- */

/* Writes what files hold to its place; it needs no entry any more. */
static enum error write_data(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    for (uint32_t i = 0; i < writer->count;) {
        struct ext4_changed *entry = &writer->entries[i];
        if (entry->running && (entry->seal == EXT4_SEAL_DATA || !writer->journalled)) {
            enum error error = write_block(fs, entry->block);
            if (error)
                return error;
            ext4_drop_entry(fs, i);
        } else {
            i++;
        }
    }
    return ERR_OK;
}

static enum error write_log(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    uint32_t start = writer->head, next = 0, left = writer->running;
    struct ext4_be32 sequence = be32(writer->sequence);
    writer->sequence_sum = crc32c(writer->journal_seed, &sequence, sizeof(sequence));
    writer->sequence_sum = crc32c_zeros(writer->sequence_sum, fs->block_size);
    enum error error = write_revocations(fs);
    while (!error && left > 0)
        error = write_descriptor(fs, &next, &left);
    if (!error && !writer->log_is_marked)
        error = write_super(fs, start, writer->sequence);
    if (!error)
        error = flush(fs);
    if (!error)
        error = write_commit(fs);
    if (!error)
        error = flush(fs);
    writer->log_is_marked = true;
    writer->sequence++;
    return error;
}

/* Blocks of the log that the largest transaction takes, with descriptors, revocations and commit record. */
static uint32_t most_of_log(const struct ext4 *fs)
{
    const struct ext4_writer *writer = fs->writer;
    uint32_t tags = (fs->block_size - sizeof(struct journal_header) - UUID_SIZE - 4) / tag_size(writer);
    uint32_t revocations = EXT4_MOST_REVOKED * 8 / (fs->block_size - 32) + 1;
    return writer->running_limit + writer->running_limit / tags + revocations + 4; /* and the superblock */
}

enum error ext4_checkpoint(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    while (writer->count > 0) {
        enum error error = write_block(fs, writer->entries[writer->count - 1].block);
        if (error)
            return ext4_writing_failed(fs, error);
        ext4_drop_entry(fs, writer->count - 1);
    }
    enum error error = flush(fs);
    if (!error && writer->journalled) {
        /* The log begins where nothing is yet: whoever replays it finds no transaction of this number. */
        error = write_super(fs, writer->head, writer->sequence);
        writer->log_is_marked = true;
        writer->log_free = writer->length - writer->first;
    }
    if (!error)
        error = flush(fs);
    return error ? ext4_writing_failed(fs, error) : ERR_OK;
}

enum error ext4_journal_commit(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    enum error error = write_data(fs);
    if (error)
        return error;
    if (!writer->journalled || writer->running == 0) {
        writer->freed_count = writer->journalled ? writer->freed_count : 0;
        return flush(fs);
    }
    error = write_log(fs);
    if (error)
        return error;
    for (uint32_t i = 0; i < writer->count; i++) {
        writer->entries[i].committed = true;
        writer->entries[i].running = false;
    }
    writer->running = writer->freed_count = writer->revoked_count = 0;
    return writer->log_free < most_of_log(fs) ? ext4_checkpoint(fs) : ERR_OK;
}
