/* SPDX-License-Identifier: MIT */
/* Files for programs: what changes them. See fs.h and fs_internal.h. */
#include "fs_internal.h"

#include <string.h>

/* At one place of a file: that may be done again. At its end, nobody knows what the end was. */
static enum error write_piece(struct file *file, uint64_t position, const void *from, size_t size,
                              size_t *count)
{
    struct fs_read_request request = {0, position, 0, size < BUFFER_BYTES ? size : BUFFER_BYTES};
    enum repeat repeat = file->flags & FS_APPEND || file->unsynced ? STALE_ONLY : ANY_TIME;
    struct fs_length_reply reply;
    unsigned tries = 0;
    enum error error;

    do {
        request.handle = file->handle;
        memcpy(fs_buffer.address, from, request.length);
        error = fs_write(fs_server, &request, &reply);
    } while (fs_again_with(file, &error, repeat, &tries));
    if (error)
        return error;
    file->unsynced = true;
    fs_note_change();
    *count = reply.length < request.length ? reply.length : request.length;
    return ERR_OK;
}

enum error file_write(uint64_t handle, uint64_t position, const void *from, size_t size, size_t *count)
{
    struct file *file;
    enum error error = fs_use(handle, &file);
    size_t part = 1;

    for (*count = 0; !error && part > 0 && *count < size; *count += part) {
        part = 0;
        error = write_piece(file, position + *count, (const char *)from + *count, size - *count, &part);
    }
    return error;
}

typedef enum error file_call(uint64_t handle, const void *what);

/* Has fs do that with the file, which may be done again. */
static enum error do_with(uint64_t number, file_call *call, const void *what, struct file **file)
{
    unsigned tries = 0;
    enum error error = fs_use(number, file);

    if (error)
        return error;
    do
        error = call((*file)->handle, what);
    while (fs_again_with(*file, &error, ANY_TIME, &tries));
    return error;
}

static enum error change(uint64_t number, file_call *call, const void *what)
{
    struct file *file;
    enum error error = do_with(number, call, what, &file);

    if (error)
        return error;
    file->unsynced = true;
    fs_note_change();
    return ERR_OK;
}

static enum error truncate_to(uint64_t handle, const void *size)
{
    const struct fs_size_request request = {.handle = handle, .size = *(const uint64_t *)size};

    return fs_truncate(fs_server, &request, NULL);
}

static enum error set_to(uint64_t handle, const void *what)
{
    struct fs_set_request request = *(const struct fs_set_request *)what;

    request.handle = handle;
    return fs_set(fs_server, &request, NULL);
}

static enum error sync_it(uint64_t handle, const void *nothing)
{
    const struct fs_handle_request request = {handle};

    (void)nothing;
    return fs_fsync(fs_server, &request, NULL);
}

enum error file_truncate(uint64_t handle, uint64_t size)
{
    return change(handle, truncate_to, &size);
}

enum error file_set(const struct fs_set_request *what)
{
    return change(what->handle, set_to, what);
}

enum error file_sync(uint64_t handle)
{
    struct file *file;
    enum error error = do_with(handle, sync_it, NULL, &file);

    if (!error)
        file->unsynced = false;
    return error;
}

enum error fs_sync_all(void)
{
    struct fs_handle_request request;
    enum error error = fs_ensure_attached();
    unsigned tries = 0;

    if (error)
        return error;
    do {
        request.handle = fs_root;
        error = fs_sync(fs_server, &request, NULL);
    } while (fs_again(&error, ANY_TIME, &tries));
    if (error)
        return error;
    bool lost = fs_changed_in && fs_changed_in != fs_session;
    fs_changed_in = 0;
    return lost ? ERR_STALE : ERR_OK;
}

typedef enum error name_call(cap_t server, const struct fs_name_request *request, struct proto_empty *reply);
typedef enum error names_call(cap_t server, const struct fs_names_request *request,
                              struct proto_empty *reply);

static enum error change_name(name_call *call, const char *path, unsigned mode)
{
    struct fs_name_request request = {.mode = mode};
    enum error error = fs_ensure_attached();
    unsigned tries = 0;

    if (error)
        return error;
    do {
        error = fs_put_path(&request.path, 0, path);
        if (!error)
            error = call(fs_server, &request, NULL);
    } while (fs_again(&error, STALE_ONLY, &tries));
    if (!error)
        fs_note_change();
    return error;
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
    enum error error = fs_ensure_attached();
    unsigned tries = 0;

    if (error)
        return error;
    do {
        error = fs_put_path(&request.from, 0, from);
        if (!error)
            error = fs_put_path(&request.to, FS_MAX_PATH, to);
        if (!error)
            error = call(fs_server, &request, NULL);
    } while (fs_again(&error, STALE_ONLY, &tries));
    if (!error)
        fs_note_change();
    return error;
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
