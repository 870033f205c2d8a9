/* SPDX-License-Identifier: MIT */
/*
 * The file server: serves include/proto/fs.h from an ext4 file system on the disks of the block drivers that
 * it may use. What a client wrote into its buffer is copied once before it is looked at. What changes files
 * is in change.c.
 */
#include "cache.h"
#include "mount.h"
#include "serve.h"
#include "turns.h"

#include <ext4/write.h>
#include <stddef.h>
#include <rt/task.h>
#include <string.h>

#define ROOT_INODE 2
#define WAITS      4 /* requests that wait for the disk at the same time, usually */

PROTO_SERVER(fs, FS_OPS)

static enum error mount_if_need_be(void)
{
    bool good = cache_is_good();

    if (!mount_error && good)
        return ERR_OK;
    if (mount_error == ERR_NO_FS && !mount_may_work_now())
        return mount_error;
    if (mount_error == ERR_NO_FS || !good) {
        rt_log("%s: mounting again", mount_error ? "there are other disks" : "the disk has gone");
        mount_root();
        files_changed();
    }
    return mount_error;
}

enum error ready(void)
{
    if (!mount_error && cache_is_good())
        return ERR_OK;
    return turn_is_alone() ? mount_if_need_be() : turn_change(mount_if_need_be);
}

enum error report(enum error error)
{
    if (error == ERR_CORRUPT || error == ERR_IO)
        rt_log("%s", filesystem.cause[0] ? filesystem.cause : error_text(error));
    return error;
}

/* A disk may be taken out, and be there again, in the middle of an operation: it is done once more then. */
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

enum error open_handle(struct call *call, uint64_t number, struct session **session, struct handle **handle)
{
    enum error error = ready();

    if (error)
        return error;
    error = handle_find(call->client, number, session, handle);
    return error ? error : report(file_refresh((*handle)->file));
}

/* A client with several threads may use what another one of them does away with: only in turns. */
static enum error attach(struct call *call, const struct fs_attach_request *q, struct fs_attach_reply *r)
{
    struct session *session = session_of(call->client);
    enum error error;

    if (!session)
        return ERR_TOO_MANY;
    error = session_attach(session, call->cap[0], q->length);
    if (!error)
        call_keep(call, 0);
    r->root = handle_root();
    return error;
}

static enum error serve_fs_attach(struct call *call, const struct fs_attach_request *q,
                                  struct fs_attach_reply *r)
{
    bool in_turn = serve_waits(call->client) > 0;
    enum error error = in_turn ? turn_begin_alone() : ERR_OK;

    if (error)
        return error;
    error = attach(call, q, r);
    if (in_turn)
        turn_end_alone();
    return error;
}

enum error copy_path(struct session *session, const struct fs_path *path, char *text, uint32_t *start)
{
    uint8_t *shared = session_range(session, path->offset, path->length);
    struct handle *directory;
    enum error error = ERR_OK;

    *start = ROOT_INODE;
    if (path->directory != handle_root()) {
        error = handle_find(session->client, path->directory, &session, &directory);
        if (!error)
            *start = directory->file->node.inode;
    }
    if (error)
        return error;
    if (path->length > FS_MAX_PATH)
        return ERR_NAME_TOO_LONG;
    if (!shared)
        return ERR_BAD_ARG;
    memcpy(text, shared, path->length);
    return memchr(text, 0, path->length) ? ERR_BAD_ARG : ERR_OK;
}

static enum error resolve(struct session *session, const struct fs_open_request *q, struct ext4_node *node)
{
    char path[FS_MAX_PATH];
    uint32_t start;
    unsigned tries = 0;
    enum error error = copy_path(session, &q->path, path, &start);

    if (error)
        return error;
    do {
        turn_resolves = true;
        error = ext4_resolve(&filesystem, start, path, q->path.length, !(q->flags & FS_NOFOLLOW), node);
        turn_resolves = false;
    } while (must_retry(&tries));
    return report(error);
}

/* What an open with these flags finds, or makes. It is made first, which looks the name up as well. */
static enum error find_or_make(struct session *session, const struct fs_open_request *q,
                               struct ext4_node *node)
{
    enum error failure = q->flags & FS_CREATE ? change_create(session, q, node) : ERR_NOT_FOUND;

    if (!failure)
        return ERR_OK;
    enum error error = resolve(session, q, node);
    if (error)
        return error == ERR_NOT_FOUND && failure != ERR_EXISTS ? failure : error;
    if ((q->flags & FS_CREATE) && (q->flags & FS_EXCLUSIVE))
        return ERR_EXISTS;
    if (ext4_is_dir(node) && (q->flags & (FS_CREATE | FS_TRUNCATE)))
        return ERR_IS_DIR;
    if (!(q->flags & FS_TRUNCATE) || node->size == 0)
        return ERR_OK;
    error = change_size(node->inode, 0);
    return error ? error : report(ext4_read_node(&filesystem, node->inode, node));
}

static inline enum error do_open(struct call *call, const struct fs_open_request *q, struct fs_open_reply *r)
{
    struct session *session;
    struct handle *handle;
    struct ext4_node node;
    enum error error = ready();

    if (error)
        return error;
    session = session_of(call->client);
    if (!session)
        return ERR_TOO_MANY;
    error = find_or_make(session, q, &node);
    if (error)
        return error;
    handle = handle_open(session, &node);
    if (!handle)
        return ERR_TOO_MANY;
    handle->append = q->flags & FS_APPEND;
    r->handle = handle_number(session, handle);
    fill_stat(&r->stat, &node);
    return ERR_OK;
}

static enum error serve_fs_open(struct call *call, const struct fs_open_request *q, struct fs_open_reply *r)
{
    bool changes = q->flags & ~(uint64_t)FS_NOFOLLOW;

    if (changes && !(call->rights & FS_WRITE))
        return ERR_DENIED;
    enum error error = changes ? turn_begin_alone() : turn_begin();
    if (error)
        return error;
    error = do_open(call, q, r);
    if (changes)
        turn_end_alone();
    else
        turn_end();
    return error;
}

static enum error close_alone(const struct call *call, uint64_t number)
{
    enum error error = turn_begin_alone();
    struct session *session;
    struct handle *handle;

    if (error)
        return error;
    error = handle_find(call->client, number, &session, &handle);
    if (!error)
        handle_close(handle);
    turn_end_alone();
    return error;
}

static __attribute__((noinline)) enum error close_known(const struct call *call, uint64_t number)
{
    struct session *session;
    struct handle *handle;
    enum error error = handle_find(call->client, number, &session, &handle);

    if (error)
        return error;
    if (handle->file->nameless || turn_is_alone() || serve_waits(call->client) > 0)
        return close_alone(call, number);
    handle_close(handle);
    return ERR_OK;
}

static enum error serve_fs_close(struct call *call, const struct fs_handle_request *q, struct proto_empty *r)
{
    (void)r;
    if (handle_is_stale(q->handle)) /* it has nothing to close, so that is all it costs */
        return ERR_STALE;
    return close_known(call, q->handle);
}

static inline enum error do_stat(struct call *call, const struct fs_handle_request *q,
                                 struct fs_open_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);

    if (error)
        return error;
    r->handle = q->handle;
    fill_stat(&r->stat, &handle->file->node);
    return ERR_OK;
}

static inline enum error do_read(struct call *call, const struct fs_read_request *q,
                                 struct fs_length_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);
    unsigned tries = 0;
    uint8_t *buffer;
    size_t done = 0;

    if (error)
        return error;
    buffer = session_range(session, q->offset, q->length);
    if (!buffer)
        return ERR_BAD_ARG;
    if (ext4_is_dir(&handle->file->node))
        return ERR_IS_DIR;
    do
        error = ext4_read(&filesystem, &handle->file->node, q->position, buffer, q->length, &done);
    while (must_retry(&tries));
    r->length = done;
    return report(error);
}

static inline enum error do_readlink(struct call *call, const struct fs_read_request *q,
                                      struct fs_length_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);
    unsigned tries = 0;
    uint8_t *buffer;
    size_t length = 0;

    if (error)
        return error;
    buffer = session_range(session, q->offset, q->length);
    if (!buffer)
        return ERR_BAD_ARG;
    do
        error = ext4_readlink(&filesystem, &handle->file->node, (char *)buffer, q->length, &length);
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

static inline enum error do_list(struct call *call, const struct fs_list_request *q, struct fs_list_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);
    struct listing listing;
    unsigned tries = 0;
    bool end = false;

    if (error)
        return error;
    listing.buffer = session_range(session, q->offset, q->length);
    if (!listing.buffer || q->length < sizeof(struct fs_entry) + FS_MAX_NAME + 8)
        return ERR_BAD_ARG;
    if (!ext4_is_dir(&handle->file->node))
        return ERR_NOT_DIR;
    listing.room = q->length;
    do {
        listing.used = 0;
        r->cursor = q->cursor;
        error = ext4_readdir(&filesystem, &handle->file->node, &r->cursor, list_entry, &listing, &end);
    } while (must_retry(&tries));
    r->length = listing.used;
    return report(error);
}

static inline enum error do_info(struct call *call, const struct proto_empty *q, struct fs_info_reply *r)
{
    (void)call;
    (void)q;
    ready();
    *r = mount_info;
    if (!mount_error) {
        r->free_blocks = filesystem.free_blocks;
        r->free_inodes = filesystem.free_inodes;
        r->read_only |= filesystem.writer && !ext4_can_write(&filesystem);
    }
    return ERR_OK;
}

/* What reads, beside others. */
#define READ(name, request, reply)                                                                           \
    static enum error serve_fs_##name(struct call *call, const request *q, reply *r)                         \
    {                                                                                                        \
        enum error error = turn_begin();                                                                     \
        if (error)                                                                                           \
            return error;                                                                                    \
        error = do_##name(call, q, r);                                                                       \
        turn_end();                                                                                          \
        return error;                                                                                        \
    }
READ(stat, struct fs_handle_request, struct fs_open_reply)
READ(read, struct fs_read_request, struct fs_length_reply)
READ(readlink, struct fs_read_request, struct fs_length_reply)
READ(list, struct fs_list_request, struct fs_list_reply)
READ(info, struct proto_empty, struct fs_info_reply)

/* What changes files. */
#define CHANGE(name, request)                                                                                \
    static enum error serve_fs_##name(struct call *call, const request *q, struct proto_empty *r)            \
    {                                                                                                        \
        enum error error = turn_begin_alone();                                                               \
        (void)r;                                                                                             \
        if (error)                                                                                           \
            return error;                                                                                    \
        error = change_##name(call, q);                                                                      \
        turn_end_alone();                                                                                    \
        return error;                                                                                        \
    }
CHANGE(truncate, struct fs_size_request)
CHANGE(mkdir, struct fs_name_request)
CHANGE(rmdir, struct fs_name_request)
CHANGE(unlink, struct fs_name_request)
CHANGE(link, struct fs_names_request)
CHANGE(symlink, struct fs_names_request)
CHANGE(rename, struct fs_names_request)
CHANGE(set, struct fs_set_request)
CHANGE(fsync, struct fs_handle_request)
CHANGE(sync, struct fs_handle_request)

static enum error serve_fs_write(struct call *call, const struct fs_read_request *q,
                                 struct fs_length_reply *r)
{
    enum error error = turn_begin_alone();

    if (error)
        return error;
    error = change_write(call, q, r);
    turn_end_alone();
    return error;
}

static void client_gone(uint64_t client)
{
    turn_take_alone();
    session_end(client);
    turn_end_alone();
}

static void signalled(uint64_t bits)
{
    if (bits & DISK_SIGNAL)
        disk_signalled();
    if (bits & ~(uint64_t)DISK_SIGNAL)
        change_signalled(bits);
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
        .protocol = {&fs_protocol},
        .waits = WAITS,
        .client_gone = client_gone,
        .signalled = signalled,
    };

    read_arguments(argc, argv);
    change_init();
    tasks_init(signalled);
    turn_take_alone();
    mount_root();
    turn_end_alone();
    serve(&server);
}
