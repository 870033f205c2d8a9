/* SPDX-License-Identifier: MIT */
/*
 * What changes files. A change is in memory when it is answered. All changes are committed together: when
 * somebody asks for it (fsync, sync), COMMIT_US after the first of them, and when the journal or the cache
 * has no room for more. CLEAN_US later, when nothing was changed, the file system is marked as clean.
 */
#include "clock.h"
#include "lines.h"
#include "mount.h"
#include "serve.h"
#include "turns.h"

#include <ext4/write.h>
#include <proto/proc.h>
#include <rt/task.h>
#include <string.h>

#define COMMIT_US      5000000
#define REFUSE_US      15000000 /* longer than it takes init to switch the machine off, if that can be done */
#define CLEAN_US       10000000
#define BLOCKS_AT_ONCE 32                     /* that one step of a write takes */
#define ROOM           (BLOCKS_AT_ONCE + 288) /* blocks for that step, all that it changes, and a commit */
#define PERMISSIONS    07777
#define BIT_COMMIT     1
#define BIT_POWER      2

static cap_t timer, timer_signal;
static bool dirty; /* something was changed since the last commit */
static uint64_t changed_at;
static uint64_t refused_until; /* nothing is changed: the machine is about to be switched off */

/* A copy of the notification that signals one bit. */
static cap_t make_signal(cap_t notification, uint64_t bit)
{
    cap_t slot = slot_alloc();

    if (!notification || !slot || cnode_mint(START_CNODE, slot, 0, notification, RIGHT_SIGNAL, bit))
        rt_fail("no memory for a notification");
    return slot;
}

void change_init(void)
{
    cap_t notification = serve_notification(), power = make_signal(notification, BIT_POWER);

    timer_signal = make_signal(notification, BIT_COMMIT);
    if (object_make(OBJ_TIMER, 0, &timer))
        rt_fail("no memory for a timer");
    proc_power_watch(rt_cap("init"), NULL, NULL, power);
}

static void set_timer(uint64_t us)
{
    timer_set(timer, timer_signal, rt_ticks() + rt_ticks_of_us(us), 0);
}

/* Something was changed. */
static void note_change(void)
{
    if (!dirty)
        set_timer(COMMIT_US);
    dirty = true;
    changed_at = rt_ticks();
}

static enum error commit(void)
{
    enum error error = ext4_commit(&filesystem);

    dirty = false;
    return report(error);
}

/* The machine is to be switched off. */
static void finish(void)
{
    refused_until = rt_ticks() + rt_ticks_of_us(REFUSE_US);
    if (!ready() && mount_stop_writing())
        rt_log("what was written last may be lost");
    proc_power_ready(rt_cap("init"), NULL, NULL);
}

static void act_on(uint64_t bits)
{
    if (bits & BIT_POWER)
        finish();
    if (!(bits & BIT_COMMIT) || ready() || !ext4_can_write(&filesystem))
        return;
    if (dirty && commit())
        return;
    if (rt_ticks() - changed_at < rt_ticks_of_us(CLEAN_US) || files_without_name())
        set_timer(CLEAN_US);
    else
        report(mount_stop_writing());
}

static uint64_t signals; /* that have come and are still to be acted on */
static bool acting;

/* On a task, because it waits for the disk. */
static void act(void *unused)
{
    (void)unused;
    while (signals) {
        uint64_t bits = signals;
        signals = 0;
        turn_take_alone();
        act_on(bits);
        turn_end_alone();
    }
    acting = false;
}

void change_signalled(uint64_t bits)
{
    struct task *task = NULL;

    signals |= bits;
    if (acting)
        return;
    task = task_start(act, NULL);
    acting = task != NULL;
    if (task)
        task_detach(task);
    else
        set_timer(CLEAN_US); /* when there is memory again */
}

/* Before each change: there is a file system that can be changed, and the cache has room for it. */
static enum error begin(void)
{
    enum error error = rt_ticks() < refused_until ? ERR_BUSY : ready();

    if (!error)
        error = mount_start_writing();
    if (!error && !lines_have_room(ROOM))
        error = report(ext4_settle(&filesystem));
    ext4_set_time(&filesystem, clock_now());
    return error;
}

/* Blocks that were freed can be used again once that is committed: true, once, when there is hope for an
 * operation that has failed. */
static bool may_have_room(enum error error, unsigned *tries)
{
    return error == ERR_NO_SPACE && dirty && (*tries)++ == 0 && !commit();
}

/* After each change of an inode, and of names. */
static enum error end(uint32_t inode, enum error error)
{
    file_changed(inode);
    note_change();
    return report(error);
}

static enum error end_names(enum error error)
{
    if (error)
        return report(error);
    files_changed();
    note_change();
    return ERR_OK;
}

/* --- Content --- */

enum error change_size(uint32_t inode, uint64_t size)
{
    enum error error = begin();

    return error ? error : end(inode, ext4_truncate(&filesystem, inode, size));
}

void change_release(uint32_t inode)
{
    enum error error = begin();

    if (!error)
        end(inode, ext4_release(&filesystem, inode));
}

/* In steps, before each of which the cache has room. */
static enum error write_steps(uint32_t inode, uint64_t position, const uint8_t *from, size_t length,
                              size_t *done)
{
    size_t step = (size_t)BLOCKS_AT_ONCE * filesystem.block_size, part = 0;
    unsigned tries = 0;
    enum error error = ERR_OK;

    for (*done = 0; (!error || may_have_room(error, &tries)) && *done < length; *done += part) {
        size_t wanted = length - *done < step ? length - *done : step;
        part = 0;
        error = begin();
        if (!error)
            error = end(inode, ext4_write(&filesystem, inode, position + *done, from + *done, wanted, &part));
    }
    return error;
}

enum error change_write(struct call *call, const struct fs_read_request *q, struct fs_length_reply *r)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);
    uint8_t *buffer;
    size_t done;

    if (error)
        return error;
    buffer = session_range(session, q->offset, q->length);
    if (!buffer)
        return ERR_BAD_ARG;
    struct ext4_node *node = &handle->file->node;
    error = write_steps(node->inode, handle->append ? node->size : q->position, buffer, q->length, &done);
    r->length = done;
    return done ? ERR_OK : error;
}

enum error change_truncate(struct call *call, const struct fs_size_request *q)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);

    return error ? error : change_size(handle->file->node.inode, q->size);
}

enum error change_set(struct call *call, const struct fs_set_request *q)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);
    struct ext4_node values = {
        .mode = (uint16_t)q->mode,
        .uid = q->uid,
        .gid = q->gid,
        .atime = {q->atime, q->atime_nsec},
        .mtime = {q->mtime, q->mtime_nsec},
    };

    if (error)
        return error;
    if (q->mode & ~PERMISSIONS || q->atime_nsec >= 1000000000 || q->mtime_nsec >= 1000000000)
        return ERR_BAD_ARG;
    if (q->which & FS_SET_NOW)
        values.atime = values.mtime = clock_now();
    unsigned which =
        (q->which & FS_SET_MODE ? EXT4_SET_MODE : 0) | (q->which & FS_SET_OWNER ? EXT4_SET_OWNER : 0) |
        (q->which & FS_SET_ATIME ? EXT4_SET_ATIME : 0) | (q->which & FS_SET_MTIME ? EXT4_SET_MTIME : 0);
    error = begin();
    uint32_t inode = handle->file->node.inode;
    return error ? error : end(inode, ext4_set_attributes(&filesystem, inode, which, &values));
}

/* --- Names --- */

/* The last name of a path and the directory that it is in, or is to be in. */
struct place {
    char path[FS_MAX_PATH];
    struct ext4_name name;
};

static enum error find_place(struct session *session, const struct fs_path *path, bool directory,
                             struct place *place)
{
    size_t length = path->length, start;
    struct ext4_node dir;
    enum error error = copy_path(session, path, place->path, &place->name.dir);

    if (error)
        return error;
    while (length > 1 && place->path[length - 1] == '/')
        length--;
    if (length < path->length && !directory)
        return ERR_NOT_DIR; /* a slash after what is no directory */
    for (start = length; start > 0 && place->path[start - 1] != '/';)
        start--;
    place->name.name = place->path + start;
    place->name.length = length - start;
    if (length == 0)
        return ERR_NOT_FOUND;
    error = ext4_resolve(&filesystem, place->name.dir, place->path, start, true, &dir);
    place->name.dir = dir.inode;
    return report(!error && !ext4_is_dir(&dir) ? ERR_NOT_DIR : error);
}

/* What the operations on names begin with: the session, and that something can be changed. */
static enum error begin_names(struct call *call, struct session **session)
{
    enum error error = begin();

    if (error)
        return error;
    *session = session_of(call->client);
    return *session ? ERR_OK : ERR_TOO_MANY;
}

static struct place first, second;

static enum error create(const struct ext4_name *name, const struct ext4_new *what, uint32_t *inode)
{
    unsigned tries = 0;
    enum error error;

    do
        error = ext4_create(&filesystem, name->dir, name->name, name->length, what, inode);
    while (may_have_room(error, &tries));
    return end_names(error);
}

enum error change_create(struct session *session, const struct fs_open_request *q, struct ext4_node *node)
{
    const struct ext4_new what = {.mode = (uint16_t)(EXT4_S_IFREG | (q->mode & PERMISSIONS))};
    const struct ext4_name *name = &first.name;
    uint32_t inode;
    enum error error = begin();

    if (!error)
        error = find_place(session, &q->path, false, &first);
    if (!error)
        error = create(name, &what, &inode);
    return error ? error : report(ext4_read_node(&filesystem, inode, node));
}

enum error change_mkdir(struct call *call, const struct fs_name_request *q)
{
    const struct ext4_new what = {.mode = (uint16_t)(EXT4_S_IFDIR | (q->mode & PERMISSIONS))};
    const struct ext4_name *name = &first.name;
    struct session *session;
    uint32_t inode;
    enum error error = begin_names(call, &session);

    if (!error)
        error = find_place(session, &q->path, true, &first);
    if (error)
        return error;
    return create(name, &what, &inode);
}

static enum error remove_name(struct call *call, const struct fs_name_request *q, bool directory)
{
    const struct ext4_name *name = &first.name;
    struct session *session;
    uint32_t last = 0;
    enum error error = begin_names(call, &session);

    if (!error)
        error = find_place(session, &q->path, directory, &first);
    if (error)
        return error;
    error = directory ? ext4_rmdir(&filesystem, name->dir, name->name, name->length, &last)
                      : ext4_unlink(&filesystem, name->dir, name->name, name->length, &last);
    error = end_names(error);
    if (!error)
        file_without_name(last);
    return error;
}

enum error change_rmdir(struct call *call, const struct fs_name_request *q)
{
    return remove_name(call, q, true);
}

enum error change_unlink(struct call *call, const struct fs_name_request *q)
{
    return remove_name(call, q, false);
}

enum error change_link(struct call *call, const struct fs_names_request *q)
{
    const struct ext4_name *name = &second.name;
    struct session *session;
    struct ext4_node node;
    uint32_t start;
    enum error error = begin_names(call, &session);

    if (!error)
        error = copy_path(session, &q->from, first.path, &start);
    if (!error)
        error = report(ext4_resolve(&filesystem, start, first.path, q->from.length, false, &node));
    if (!error)
        error = find_place(session, &q->to, false, &second);
    if (error)
        return error;
    return end_names(ext4_link(&filesystem, name->dir, name->name, name->length, node.inode));
}

enum error change_symlink(struct call *call, const struct fs_names_request *q)
{
    const struct ext4_new what = {.mode = EXT4_S_IFLNK | 0777};
    const struct ext4_name *name = &second.name;
    struct session *session;
    uint32_t inode, unused;
    enum error error = begin_names(call, &session);

    if (!error)
        error = copy_path(session, &q->from, first.path, &unused);
    if (!error)
        error = find_place(session, &q->to, false, &second);
    if (error)
        return error;
    return end_names(ext4_symlink(&filesystem, name->dir, name->name, name->length, first.path,
                                  q->from.length, &what, &inode));
}

enum error change_rename(struct call *call, const struct fs_names_request *q)
{
    enum ext4_rename_how how = q->flags & FS_RENAME_EXCHANGE ? EXT4_RENAME_EXCHANGE
                               : q->flags & FS_RENAME_NEW    ? EXT4_RENAME_NEW
                                                             : EXT4_RENAME_REPLACE;
    struct session *session;
    uint32_t last = 0;
    enum error error = begin_names(call, &session);

    if (!error)
        error = find_place(session, &q->from, true, &first);
    if (!error)
        error = find_place(session, &q->to, true, &second);
    if (!error)
        error = end_names(ext4_rename(&filesystem, &first.name, &second.name, how, &last));
    if (!error)
        file_without_name(last);
    return error;
}

/* --- Durability --- */

enum error change_fsync(struct call *call, const struct fs_handle_request *q)
{
    struct session *session;
    struct handle *handle;
    enum error error = open_handle(call, q->handle, &session, &handle);

    return error ? error : commit();
}

enum error change_sync(struct call *call, const struct fs_handle_request *q)
{
    enum error error = handle_is_stale(q->handle) ? ERR_STALE : ready();

    (void)call;
    return error ? error : commit();
}
