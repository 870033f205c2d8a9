/* SPDX-License-Identifier: MIT */
/*
 * The file server: serves include/proto/fs.h from the first ext4 file system that it finds on the disks of
 * the block drivers it may use. What a client wrote into its buffer is copied once before it is looked at.
 */
#include "cache.h"
#include "mount.h"
#include "session.h"

#include <rt/rt.h>
#include <stddef.h>
#include <string.h>

#define ROOT_INODE 2

static uint32_t epoch; /* counts mounts: handles of an earlier one are read again */

PROTO_SERVER(fs_table, FS_OPS)

/* Makes sure that the file system can be used: when the block driver was restarted, or a disk was taken out
 * and put in again, it is mounted again. */
static enum error ready(void)
{
    if (!mount_error && cache_is_good())
        return ERR_OK;
    if (mount_error == ERR_NO_FS && !mount_may_work_now())
        return mount_error;
    if (mount_error == ERR_NO_FS || !cache_is_good()) {
        rt_log("%s: mounting again",
               mount_error ? "there are other disks" : "the disk or its driver has gone");
        mount_root();
        epoch++;
    }
    return mount_error;
}

/* What went wrong on the medium goes to the log; what the client asked for wrongly does not. */
static enum error report(enum error error)
{
    if (error == ERR_CORRUPT || error == ERR_IO)
        rt_log("%s", filesystem.cause[0] ? filesystem.cause : error_text(error));
    return error;
}

/* Buffers vanish when the driver dies in the middle of an operation; it is done once more then. */
static bool must_retry(unsigned *tries)
{
    return !cache_is_good() && (*tries)++ == 0 && !ready();
}

static enum fs_type type_of_mode(uint16_t mode)
{
    switch (mode & EXT4_S_IFMT) {
    case EXT4_S_IFREG: return FS_FILE;
    case EXT4_S_IFDIR: return FS_DIRECTORY;
    case EXT4_S_IFLNK: return FS_SYMLINK;
    case EXT4_S_IFCHR: return FS_CHARACTER;
    case EXT4_S_IFBLK: return FS_BLOCK;
    case EXT4_S_IFIFO: return FS_FIFO;
    case EXT4_S_IFSOCK: return FS_SOCKET;
    default: return FS_UNKNOWN;
    }
}

static void fill_stat(struct fs_stat *stat, const struct ext4_node *node)
{
    *stat = (struct fs_stat){
        .inode = node->inode,
        .type = type_of_mode(node->mode),
        .mode = node->mode & 07777,
        .size = node->size,
        .blocks = node->blocks,
        .uid = node->uid,
        .gid = node->gid,
        .links = node->links,
        .block_size = filesystem.block_size,
        .mtime = node->mtime.seconds,
        .ctime = node->ctime.seconds,
        .atime = node->atime.seconds,
        .mtime_nsec = node->mtime.nanoseconds,
    };
}

/* The open file of a request, with its inode as it is now. */
static enum error open_node(struct call *call, uint64_t number, struct session **session,
                            struct handle **handle)
{
    enum error error = ready();

    if (error)
        return error;
    *session = session_of(call->client);
    if (!*session)
        return ERR_TOO_MANY;
    *handle = handle_find(*session, number);
    if (!*handle)
        return ERR_BAD_ARG;
    if ((*handle)->epoch == epoch)
        return ERR_OK;
    error = report(ext4_read_node(&filesystem, (*handle)->node.inode, &(*handle)->node));
    if (!error)
        (*handle)->epoch = epoch;
    return error;
}

static enum error serve_fs_attach(struct call *call, const struct fs_attach_request *q, struct proto_empty *r)
{
    struct session *session = session_of(call->client);
    enum error error;

    (void)r;
    if (!session)
        return ERR_TOO_MANY;
    if (call->cap_count != 1)
        return ERR_NO_CAP;
    error = session_attach(session, call->cap[0], q->length);
    if (!error)
        call->cap[0] = 0;
    return error;
}

static enum error resolve(struct session *session, const struct fs_open_request *q, struct ext4_node *node)
{
    static char path[FS_MAX_PATH];
    uint8_t *shared = session_range(session, q->path_offset, q->path_length);
    uint32_t start = ROOT_INODE;
    struct handle *directory;
    unsigned tries = 0;
    enum error error;

    if (q->path_length > FS_MAX_PATH)
        return ERR_NAME_TOO_LONG;
    if (!shared)
        return ERR_BAD_ARG;
    memcpy(path, shared, q->path_length);
    if (memchr(path, 0, q->path_length))
        return ERR_BAD_ARG;
    if (q->directory) {
        directory = handle_find(session, q->directory);
        if (!directory)
            return ERR_BAD_ARG;
        start = directory->node.inode;
    }
    do
        error = ext4_resolve(&filesystem, start, path, q->path_length, !(q->flags & FS_NOFOLLOW), node);
    while (must_retry(&tries));
    return report(error);
}

static enum error serve_fs_open(struct call *call, const struct fs_open_request *q, struct fs_open_reply *r)
{
    struct session *session;
    struct ext4_node node;
    enum error error = ready();

    if (error)
        return error;
    session = session_of(call->client);
    if (!session)
        return ERR_TOO_MANY;
    error = resolve(session, q, &node);
    if (error)
        return error;
    r->handle = handle_open(session, &node, epoch);
    if (!r->handle)
        return ERR_TOO_MANY;
    fill_stat(&r->stat, &node);
    return ERR_OK;
}

static enum error serve_fs_close(struct call *call, const struct fs_handle_request *q, struct proto_empty *r)
{
    struct session *session = session_of(call->client);

    (void)r;
    if (!session || !handle_find(session, q->handle))
        return ERR_BAD_ARG;
    handle_close(session, q->handle);
    return ERR_OK;
}

static enum error serve_fs_stat(struct call *call, const struct fs_handle_request *q, struct fs_open_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_node(call, q->handle, &session, &handle);

    if (error)
        return error;
    r->handle = q->handle;
    fill_stat(&r->stat, &handle->node);
    return ERR_OK;
}

static enum error serve_fs_read(struct call *call, const struct fs_read_request *q, struct fs_length_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_node(call, q->handle, &session, &handle);
    unsigned tries = 0;
    uint8_t *buffer;
    size_t done = 0;

    if (error)
        return error;
    buffer = session_range(session, q->offset, q->length);
    if (!buffer)
        return ERR_BAD_ARG;
    if (ext4_is_dir(&handle->node))
        return ERR_IS_DIR;
    do
        error = ext4_read(&filesystem, &handle->node, q->position, buffer, q->length, &done);
    while (must_retry(&tries));
    r->length = done;
    return report(error);
}

static enum error serve_fs_readlink(struct call *call, const struct fs_read_request *q,
                                    struct fs_length_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_node(call, q->handle, &session, &handle);
    unsigned tries = 0;
    uint8_t *buffer;
    size_t length = 0;

    if (error)
        return error;
    buffer = session_range(session, q->offset, q->length);
    if (!buffer)
        return ERR_BAD_ARG;
    do
        error = ext4_readlink(&filesystem, &handle->node, (char *)buffer, q->length, &length);
    while (must_retry(&tries));
    r->length = length < q->length ? length : q->length;
    return report(error);
}

struct listing {
    uint8_t *buffer;
    uint64_t room, used;
};

static enum fs_type type_of_entry(uint8_t type)
{
    static const uint8_t types[] = {FS_UNKNOWN, FS_FILE, FS_DIRECTORY, FS_CHARACTER,
                                    FS_BLOCK,   FS_FIFO, FS_SOCKET,    FS_SYMLINK};

    return type < sizeof(types) ? types[type] : FS_UNKNOWN;
}

static bool list_entry(void *context, const struct ext4_entry *from)
{
    struct listing *listing = context;
    const size_t head = offsetof(struct fs_entry, name);
    struct fs_entry entry = {from->inode, (head + from->name_length + 7) & ~7u, type_of_entry(from->type),
                             from->name_length};

    if (entry.size > listing->room - listing->used)
        return false;
    memcpy(listing->buffer + listing->used, &entry, sizeof(entry));
    memcpy(listing->buffer + listing->used + offsetof(struct fs_entry, name), from->name, from->name_length);
    listing->used += entry.size;
    return true;
}

static enum error serve_fs_list(struct call *call, const struct fs_list_request *q, struct fs_list_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_node(call, q->handle, &session, &handle);
    struct listing listing;
    unsigned tries = 0;
    bool end = false;

    if (error)
        return error;
    listing.buffer = session_range(session, q->offset, q->length);
    if (!listing.buffer || q->length < sizeof(struct fs_entry) + FS_MAX_NAME + 8)
        return ERR_BAD_ARG;
    if (!ext4_is_dir(&handle->node))
        return ERR_NOT_DIR;
    listing.room = q->length;
    do {
        listing.used = 0;
        r->cursor = q->cursor;
        error = ext4_readdir(&filesystem, &handle->node, &r->cursor, list_entry, &listing, &end);
    } while (must_retry(&tries));
    r->length = listing.used;
    return report(error);
}

static enum error serve_fs_info(struct call *call, const struct proto_empty *q, struct fs_info_reply *r)
{
    (void)call;
    (void)q;
    ready();
    *r = mount_info;
    return ERR_OK;
}

/* What the kernel's command line says of the root, if the description grants that. */
static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "root=", 5))
            mount_want(argv[i] + 5);
}

int main(int argc, char **argv)
{
    struct server server = {
        .name = rt_name(),
        .endpoint = rt_cap("recv:fs"),
        .table = fs_table,
        .client_gone = session_end,
    };

    if (!server.endpoint)
        rt_fail("no endpoint to serve: the description's node lacks `serves`");
    read_arguments(argc, argv);
    mount_root();
    serve(&server);
}
