/* SPDX-License-Identifier: MIT */
/*
 * Clients of the file server: see session.h. A handle's number is the server's epoch << 40 | the handle's
 * generation << 8 | its index + 1.
 */
#include "session.h"

#include <base/checked.h>
#include <proto/mm.h>
#include <rt/rt.h>
#include <stdlib.h>

#define ROOT_INDEX  0xff

_Static_assert(FS_MAX_HANDLES < ROOT_INDEX, "it is no handle");

static struct session *sessions[MAX_SESSIONS];
static uint32_t last_generation; /* of any handle */

struct session *session_of(uint64_t client)
{
    struct session **empty = NULL;

    for (unsigned i = 0; i < MAX_SESSIONS; i++) {
        if (sessions[i] && sessions[i]->client == client)
            return sessions[i];
        if (!sessions[i] && !empty)
            empty = &sessions[i];
    }
    if (!empty)
        return NULL;
    *empty = calloc(1, sizeof(**empty));
    if (*empty)
        (*empty)->client = client;
    return *empty;
}

static void drop_buffer(struct session *session)
{
    struct segment segment = {session->buffer_cap, session->buffer, session->buffer_size, 0, false};

    if (session->buffer)
        segment_drop(&segment);
    session->buffer = NULL;
    session->buffer_size = 0;
    session->buffer_cap = 0;
}

enum error session_attach(struct session *session, uint32_t cap, uint64_t length)
{
    struct segment segment = {0};
    enum error error;

    if (length == 0 || length > FS_MAX_BUFFER)
        return ERR_BAD_ARG;
    error = segment_map(&segment, cap, length, MM_READ | MM_WRITE);
    if (error)
        return error;
    drop_buffer(session);
    session->buffer = segment.address;
    session->buffer_size = segment.length;
    session->buffer_cap = cap;
    return ERR_OK;
}

void session_end(uint64_t client)
{
    for (unsigned i = 0; i < MAX_SESSIONS; i++) {
        if (!sessions[i] || sessions[i]->client != client)
            continue;
        drop_buffer(sessions[i]);
        for (unsigned n = 0; n < FS_MAX_HANDLES; n++)
            handle_close(&sessions[i]->handle[n]);
        free(sessions[i]);
        sessions[i] = NULL;
        return;
    }
}

uint8_t *session_range(struct session *session, uint64_t offset, uint64_t length)
{
    if (!session->buffer || !range_inside(offset, length, session->buffer_size))
        return NULL;
    return session->buffer + offset;
}

struct handle *handle_open(struct session *session, const struct ext4_node *node)
{
    struct handle *handle = session->handle;

    while (handle < session->handle + FS_MAX_HANDLES && handle->file)
        handle++;
    if (handle == session->handle + FS_MAX_HANDLES)
        return NULL;
    handle->file = file_open(node);
    if (!handle->file)
        return NULL;
    handle->generation = ++last_generation;
    handle->append = false;
    return handle;
}

static uint64_t number_of(uint64_t generation, uint64_t index)
{
    return (rt_start->epoch & EPOCH_MASK) << EPOCH_SHIFT | generation << 8 | index;
}

uint64_t handle_number(const struct session *session, const struct handle *handle)
{
    return number_of(handle->generation, (uint64_t)(handle - session->handle + 1));
}

uint64_t handle_root(void)
{
    return number_of(0, ROOT_INDEX);
}

enum error handle_find(uint64_t client, uint64_t number, struct session **session, struct handle **found)
{
    uint64_t index = (number & 0xff) - 1;

    if (handle_is_stale(number))
        return ERR_STALE;
    *session = session_of(client);
    if (!*session)
        return ERR_TOO_MANY;
    if (index >= FS_MAX_HANDLES)
        return ERR_BAD_ARG;
    *found = &(*session)->handle[index];
    return (*found)->file && (*found)->generation == (uint32_t)(number >> 8) ? ERR_OK : ERR_BAD_ARG;
}

void handle_close(struct handle *handle)
{
    if (handle->file)
        file_close(handle->file);
    handle->file = NULL;
}
