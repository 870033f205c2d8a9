/* SPDX-License-Identifier: MIT */
/* Files for programs: sessions with fs, open files, and reading. See fs.h and fs_internal.h. */
#include "fs_internal.h"

#include <stdlib.h>
#include <string.h>

#define TRIES 3 /* of a call, when one server after the other dies of it, or meanwhile */

cap_t fs_server;
struct segment fs_buffer;
uint64_t fs_root, fs_session, fs_changed_in;

static struct file files[FS_MAX_HANDLES];
static uint32_t last_generation;

/* Makes the shared buffer and opens a session with it. */
static enum error attach(void)
{
    const struct fs_attach_request request = {BUFFER_BYTES};
    struct fs_attach_reply reply;
    enum error error = ERR_OK;

    fs_server = rt_server("fs");
    if (!fs_server)
        return ERR_NO_FS;
    if (!fs_buffer.address)
        error = segment_make(&fs_buffer, BUFFER_BYTES);
    if (!error)
        error = fs_attach(fs_server, &request, &reply, fs_buffer.cap);
    if (error)
        return error;
    fs_root = reply.root;
    fs_session++;
    return ERR_OK;
}

enum error fs_ensure_attached(void)
{
    return fs_session ? ERR_OK : attach();
}

enum error fs_put_path(struct fs_path *to, uint64_t offset, const char *path)
{
    *to = (struct fs_path){offset, strlen(path), fs_root};
    if (to->length > FS_MAX_PATH)
        return ERR_NAME_TOO_LONG;
    memcpy((char *)fs_buffer.address + offset, path, to->length);
    return ERR_OK;
}

/* --- When the server was restarted --- */

void fs_note_change(void)
{
    if (!fs_changed_in)
        fs_changed_in = fs_session;
}

bool fs_again(enum error *error, enum repeat repeat, unsigned *tries)
{
    bool stale = *error == ERR_STALE || (*error == ERR_PEER_GONE && repeat == ANY_TIME);

    if (!stale || ++*tries == TRIES)
        return false;
    do
        *error = attach();
    while (*error == ERR_PEER_GONE && ++*tries < TRIES);
    return !*error;
}

static enum error open_path(const char *path, uint64_t flags, uint64_t mode, struct fs_open_reply *reply)
{
    struct fs_open_request request = {.flags = flags, .mode = mode};
    enum repeat repeat = flags & FS_EXCLUSIVE ? STALE_ONLY : ANY_TIME;
    enum error error = fs_ensure_attached();
    unsigned tries = 0;

    if (error)
        return error;
    do {
        error = fs_put_path(&request.path, 0, path);
        if (!error)
            error = fs_open(fs_server, &request, reply);
    } while (fs_again(&error, repeat, &tries));
    return error;
}

static struct file *file_find(uint64_t number)
{
    uint64_t index = (number & 0xff) - 1;
    struct file *file = index < FS_MAX_HANDLES ? &files[index] : NULL;

    return file && file->path && file->generation == number >> 8 ? file : NULL;
}

/* Opens the file in this session if it is of an earlier one. */
static enum error refresh(struct file *file)
{
    struct fs_open_reply reply;
    enum error error;

    if (file->session == fs_session)
        return ERR_OK;
    error = open_path(file->path, file->flags & (FS_NOFOLLOW | FS_APPEND), 0, &reply);
    if (error == ERR_NOT_FOUND || error == ERR_NOT_DIR || error == ERR_LOOP) {
        file->lost = true; /* it was never committed, or somebody has moved or removed it */
        error = ERR_STALE;
    }
    if (error)
        return error;
    file->session = fs_session;
    file->handle = reply.handle;
    file->lost = reply.stat.inode != file->inode || file->unsynced;
    return file->lost ? ERR_STALE : ERR_OK;
}

enum error fs_use(uint64_t number, struct file **file)
{
    *file = file_find(number);
    if (!*file)
        return ERR_BAD_ARG;
    return (*file)->lost ? ERR_STALE : refresh(*file);
}

bool fs_again_with(struct file *file, enum error *error, enum repeat repeat, unsigned *tries)
{
    if (!fs_again(error, repeat, tries))
        return false;
    *error = refresh(file);
    return !*error;
}

/* --- Opening --- */

static struct file *file_free(void)
{
    struct file *file = files;

    while (file < files + FS_MAX_HANDLES && file->path)
        file++;
    return file < files + FS_MAX_HANDLES ? file : NULL;
}

/* Keeps the absolute path of what `path` names from an open directory, or from the root. */
static enum error keep_path(struct file *file, const char *path, uint64_t directory)
{
    const struct file *from = directory ? file_find(directory) : NULL;
    size_t base = from && *path != '/' ? strlen(from->path) + 1 : 0, length = strlen(path) + 1;

    if (directory && !from)
        return ERR_BAD_ARG;
    file->path = base + length <= sizeof(file->short_path) ? file->short_path : malloc(base + length);
    if (!file->path)
        return ERR_NO_MEMORY;
    if (base) {
        memcpy(file->path, from->path, base);
        file->path[base - 1] = '/';
    }
    memcpy(file->path + base, path, length);
    return ERR_OK;
}

static void file_drop(struct file *file)
{
    if (file->path != file->short_path)
        free(file->path);
    file->path = NULL;
}

static void close_handle(uint64_t handle)
{
    const struct fs_handle_request request = {handle};

    fs_close(fs_server, &request, NULL);
}

enum error file_create(const char *path, uint64_t directory, uint64_t flags, unsigned mode, uint64_t *handle,
                       struct fs_stat *stat)
{
    struct file *file = file_free();
    struct fs_open_reply reply;
    enum error error = file ? keep_path(file, path, directory) : ERR_TOO_MANY;

    if (error)
        return error;
    error = open_path(file->path, flags, mode, &reply);
    if (error) {
        file_drop(file);
        return error;
    }
    file->flags = flags;
    file->inode = reply.stat.inode;
    file->session = fs_session;
    file->handle = reply.handle;
    file->generation = ++last_generation;
    file->unsynced = flags & (FS_CREATE | FS_TRUNCATE);
    if (file->unsynced)
        fs_note_change();
    file->lost = false;
    *handle = (uint64_t)file->generation << 8 | (uint64_t)(file - files + 1);
    if (stat)
        *stat = reply.stat;
    return ERR_OK;
}

enum error file_open(const char *path, uint64_t directory, uint64_t flags, uint64_t *handle,
                     struct fs_stat *stat)
{
    return file_create(path, directory, flags, 0, handle, stat);
}

void file_close(uint64_t handle)
{
    struct file *file = file_find(handle);

    if (!file)
        return;
    if (file->session == fs_session)
        close_handle(file->handle);
    file_drop(file);
}

/* --- Reading --- */

typedef enum error read_call(cap_t server, const struct fs_read_request *request,
                             struct fs_length_reply *reply);

/* Bytes of the file, or of what a symbolic link says, into the buffer. */
static inline enum error read_with(read_call *call, uint64_t handle, uint64_t position, size_t size,
                                   size_t *count)
{
    struct fs_read_request request = {0, position, 0, size < BUFFER_BYTES ? size : BUFFER_BYTES};
    struct fs_length_reply reply;
    struct file *file;
    unsigned tries = 0;
    enum error error = fs_use(handle, &file);

    if (error)
        return error;
    do {
        request.handle = file->handle;
        error = call(fs_server, &request, &reply);
    } while (fs_again_with(file, &error, ANY_TIME, &tries));
    if (!error)
        *count = reply.length < request.length ? reply.length : request.length;
    return error;
}

enum error file_read_shared(uint64_t handle, uint64_t position, size_t size, const void **data, size_t *count)
{
    *data = fs_buffer.address;
    return read_with(fs_read, handle, position, size, count);
}

enum error file_read(uint64_t handle, uint64_t position, void *into, size_t size, size_t *count)
{
    const void *data;
    enum error error = file_read_shared(handle, position, size, &data, count);

    if (!error)
        memcpy(into, data, *count);
    return error;
}

enum error file_status(uint64_t handle, struct fs_stat *stat)
{
    struct fs_handle_request request;
    struct fs_open_reply reply;
    struct file *file;
    unsigned tries = 0;
    enum error error = fs_use(handle, &file);

    if (error)
        return error;
    do {
        request.handle = file->handle;
        error = fs_stat(fs_server, &request, &reply);
    } while (fs_again_with(file, &error, ANY_TIME, &tries));
    if (!error)
        *stat = reply.stat;
    return error;
}

enum error file_stat(const char *path, uint64_t flags, struct fs_stat *stat)
{
    struct fs_open_reply reply;
    enum error error = open_path(path, flags, 0, &reply);

    if (error)
        return error;
    close_handle(reply.handle);
    *stat = reply.stat;
    return ERR_OK;
}

enum error file_readlink(uint64_t handle, char *into, size_t size, size_t *count)
{
    enum error error = read_with(fs_readlink, handle, 0, size, count);

    if (!error)
        memcpy(into, fs_buffer.address, *count);
    return error;
}

/* Calls `each` for the records of one reply; false when it wants no more or a record makes no sense. The
 * callback may use the shared buffer itself, so it is given a copy. */
static bool give_entries(const uint8_t *records, size_t length, bool (*each)(void *, const struct fs_entry *),
                         void *context)
{
    for (size_t at = 0; length - at >= sizeof(struct fs_entry);) {
        const struct fs_entry *entry = (const struct fs_entry *)(records + at);

        if (entry->size < offsetof(struct fs_entry, name) + entry->name_length || entry->size > length - at ||
            entry->size % 8)
            return false;
        if (!each(context, entry))
            return false;
        at += entry->size;
    }
    return true;
}

/* One reply's records, from the cursor on. */
static enum error list_some(uint64_t handle, uint64_t *cursor, void *records, size_t room, size_t *length)
{
    struct fs_list_request request = {0, *cursor, 0, room};
    struct fs_list_reply reply;
    struct file *file;
    unsigned tries = 0;
    enum error error = fs_use(handle, &file);

    if (error)
        return error;
    do {
        request.handle = file->handle;
        error = fs_list(fs_server, &request, &reply);
    } while (fs_again_with(file, &error, ANY_TIME, &tries));
    if (error)
        return error;
    *length = reply.length <= room ? reply.length : 0;
    *cursor = reply.cursor;
    memcpy(records, fs_buffer.address, *length);
    return ERR_OK;
}

enum error directory_list(uint64_t handle, bool (*each)(void *context, const struct fs_entry *entry),
                          void *context)
{
    _Alignas(8) uint8_t records[4096];
    uint64_t cursor = 0;
    size_t length;

    for (;;) {
        enum error error = list_some(handle, &cursor, records, sizeof(records), &length);
        if (error)
            return error;
        if (length == 0 || !give_entries(records, length, each, context))
            return ERR_OK;
    }
}

enum error fs_get_info(struct fs_info_reply *info)
{
    fs_server = rt_server("fs");
    return fs_server ? fs_info(fs_server, NULL, info) : ERR_NO_FS;
}
