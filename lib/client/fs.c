/* SPDX-License-Identifier: MIT */
/* Files for programs: see fs.h. One shared buffer per process; requests are made one at a time. */
#include "fs.h"

#include <rt/rt.h>
#include <string.h>

#define BUFFER_BYTES 0x10000

static cap_t server;
static struct segment buffer;

/* Makes the shared buffer and hands it to the server, which may have been restarted since. */
static enum error attach(void)
{
    struct fs_attach_request request = {BUFFER_BYTES};
    enum error error = ERR_OK;

    server = rt_cap("fs");
    if (!server)
        return ERR_NO_FS;
    if (!buffer.address)
        error = segment_make(&buffer, BUFFER_BYTES);
    if (!error)
        error = fs_attach(server, &request, NULL, buffer.cap);
    return error;
}

static enum error ensure_attached(void)
{
    return buffer.address ? ERR_OK : attach();
}

/* Puts a path into the buffer, at `offset`. */
static enum error put_path(struct fs_path *to, uint64_t offset, const char *path, uint64_t directory)
{
    *to = (struct fs_path){offset, strlen(path), directory};
    if (to->length > FS_MAX_PATH)
        return ERR_NAME_TOO_LONG;
    memcpy((char *)buffer.address + offset, path, to->length);
    return ERR_OK;
}

/* Whether a call that names what it is about by paths in the buffer is to be made again: a server that was
 * restarted does not know the buffer. */
static bool attached_anew(enum error *error)
{
    if (*error != ERR_BAD_ARG && *error != ERR_PEER_GONE)
        return false;
    *error = attach();
    return !*error;
}

enum error file_create(const char *path, uint64_t directory, uint64_t flags, unsigned mode, uint64_t *handle,
                       struct fs_stat *stat)
{
    struct fs_open_request request = {.flags = flags, .mode = mode};
    struct fs_open_reply reply;
    enum error error = ensure_attached();

    if (!error)
        error = put_path(&request.path, 0, path, directory);
    if (!error)
        error = fs_open(server, &request, &reply);
    if (attached_anew(&error))
        error = fs_open(server, &request, &reply);
    if (error)
        return error;
    *handle = reply.handle;
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
    struct fs_handle_request request = {handle};

    fs_close(server, &request, NULL);
}

enum error file_read_shared(uint64_t handle, uint64_t position, size_t size, const void **data, size_t *count)
{
    struct fs_read_request request = {handle, position, 0, size < BUFFER_BYTES ? size : BUFFER_BYTES};
    struct fs_length_reply reply;
    enum error error = ensure_attached();

    if (!error)
        error = fs_read(server, &request, &reply);
    if (error)
        return error;
    *count = reply.length < request.length ? reply.length : request.length;
    *data = buffer.address;
    return ERR_OK;
}

enum error file_read(uint64_t handle, uint64_t position, void *into, size_t size, size_t *count)
{
    const void *data;
    enum error error = file_read_shared(handle, position, size, &data, count);

    if (!error)
        memcpy(into, data, *count);
    return error;
}

enum error file_stat(const char *path, uint64_t flags, struct fs_stat *stat)
{
    uint64_t handle;
    enum error error = file_open(path, 0, flags, &handle, stat);

    if (!error)
        file_close(handle);
    return error;
}

enum error file_readlink(uint64_t handle, char *into, size_t size, size_t *count)
{
    struct fs_read_request request = {handle, 0, 0, size < BUFFER_BYTES ? size : BUFFER_BYTES};
    struct fs_length_reply reply;
    enum error error = ensure_attached();

    if (!error)
        error = fs_readlink(server, &request, &reply);
    if (error)
        return error;
    *count = reply.length < request.length ? reply.length : request.length;
    memcpy(into, buffer.address, *count);
    return ERR_OK;
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

enum error directory_list(uint64_t handle, bool (*each)(void *context, const struct fs_entry *entry),
                          void *context)
{
    _Alignas(8) uint8_t records[4096];
    struct fs_list_request request = {handle, 0, 0, sizeof(records)};
    struct fs_list_reply reply;
    enum error error = ensure_attached();

    while (!error) {
        error = fs_list(server, &request, &reply);
        if (error || reply.length == 0 || reply.length > sizeof(records))
            break;
        memcpy(records, buffer.address, reply.length);
        if (!give_entries(records, reply.length, each, context))
            break;
        request.cursor = reply.cursor;
    }
    return error;
}

/* --- Changing --- */

static enum error write_piece(uint64_t handle, uint64_t position, const void *from, size_t size,
                              size_t *count)
{
    struct fs_read_request request = {handle, position, 0, size < BUFFER_BYTES ? size : BUFFER_BYTES};
    struct fs_length_reply reply;
    enum error error = ensure_attached();

    if (error)
        return error;
    memcpy(buffer.address, from, request.length);
    error = fs_write(server, &request, &reply);
    if (!error)
        *count = reply.length < request.length ? reply.length : request.length;
    return error;
}

enum error file_write(uint64_t handle, uint64_t position, const void *from, size_t size, size_t *count)
{
    enum error error = ERR_OK;
    size_t part = 1;

    for (*count = 0; !error && part > 0 && *count < size; *count += part) {
        part = 0;
        error = write_piece(handle, position + *count, (const char *)from + *count, size - *count, &part);
    }
    return error;
}

enum error file_truncate(uint64_t handle, uint64_t size)
{
    const struct fs_size_request request = {handle, size};

    return fs_truncate(server, &request, NULL);
}

enum error file_set(const struct fs_set_request *request)
{
    return fs_set(server, request, NULL);
}

enum error file_sync(uint64_t handle)
{
    const struct fs_handle_request request = {handle};

    return fs_fsync(server, &request, NULL);
}

enum error fs_sync_all(void)
{
    server = rt_cap("fs");
    return server ? fs_sync(server, NULL, NULL) : ERR_NO_FS;
}

typedef enum error name_call(cap_t server, const struct fs_name_request *request, struct proto_empty *reply);
typedef enum error names_call(cap_t server, const struct fs_names_request *request,
                              struct proto_empty *reply);

static enum error change_name(name_call *call, const char *path, unsigned mode)
{
    struct fs_name_request request = {.mode = mode};
    enum error error = ensure_attached();

    if (!error)
        error = put_path(&request.path, 0, path, 0);
    if (!error)
        error = call(server, &request, NULL);
    return attached_anew(&error) ? call(server, &request, NULL) : error;
}

enum error directory_make(const char *path, unsigned mode)
{
    return change_name(fs_mkdir, path, mode);
}

enum error directory_remove(const char *path)
{
    return change_name(fs_rmdir, path, 0);
}

enum error file_remove(const char *path)
{
    return change_name(fs_unlink, path, 0);
}

static enum error change_names(names_call *call, const char *from, const char *to, uint64_t flags)
{
    struct fs_names_request request = {.flags = flags};
    enum error error = ensure_attached();

    if (!error)
        error = put_path(&request.from, 0, from, 0);
    if (!error)
        error = put_path(&request.to, FS_MAX_PATH, to, 0);
    if (!error)
        error = call(server, &request, NULL);
    return attached_anew(&error) ? call(server, &request, NULL) : error;
}

enum error file_link(const char *from, const char *to)
{
    return change_names(fs_link, from, to, 0);
}

enum error file_symlink(const char *text, const char *path)
{
    return change_names(fs_symlink, text, path, 0);
}

enum error file_rename(const char *from, const char *to, uint64_t flags)
{
    return change_names(fs_rename, from, to, flags);
}

enum error fs_get_info(struct fs_info_reply *info)
{
    server = rt_cap("fs");
    return server ? fs_info(server, NULL, info) : ERR_NO_FS;
}
