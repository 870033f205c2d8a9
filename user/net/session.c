/* SPDX-License-Identifier: MIT */
/* Clients: what each may do, its buffer, its sockets. */
#include "net.h"

#include <proto/mm.h>
#include <proto/proc.h>

static struct session sessions[MAX_SESSIONS];
uint64_t refused;

/* Asks init what the description limits the client to. */
static void read_grants(struct session *session)
{
    struct proc_limits_request request = {.process = session->client};
    struct proc_limits_reply reply;

    for (; session->grant_count < MAX_GRANTS && !proc_limits(START_PROC, &request, &reply); request.n++) {
        reply.text[sizeof(reply.text) - 1] = 0;
        if (grant_parse(reply.text, &session->grant[session->grant_count]))
            session->grant_count++;
        else
            rt_log("limits of client %llu: '%s' makes no sense", (unsigned long long)session->client,
                   reply.text);
    }
}

struct session *session_of(uint64_t client)
{
    static struct session *last = sessions; /* is often the next as well */
    struct session *empty = NULL;

    if (last->client == client)
        return last;
    for (unsigned i = 0; i < MAX_SESSIONS; i++) {
        if (sessions[i].client == client)
            return last = &sessions[i];
        if (sessions[i].client == 0 && empty == NULL)
            empty = &sessions[i];
    }
    if (empty != NULL) {
        *empty = (struct session){.client = client};
        read_grants(empty);
    }
    return empty;
}

static void drop_buffer(struct session *session)
{
    if (session->buffer.address != NULL)
        segment_drop(&session->buffer);
    slot_free(session->notify);
    session->notify = 0;
}

void session_end(uint64_t client)
{
    sockets_tell(); /* nobody is left in that list */
    for (unsigned i = 0; i < MAX_SESSIONS; i++) {
        if (client == 0 || sessions[i].client != client)
            continue;
        while (sessions[i].sockets != NULL)
            socket_close(sessions[i].sockets);
        requests_end(&sessions[i]);
        wait_answer(&sessions[i].wait, ERR_CANCELLED, NULL, 0);
        drop_buffer(&sessions[i]);
        sessions[i] = (struct session){0};
    }
}

enum error session_attach(struct session *session, cap_t cap, uint64_t length, cap_t notify)
{
    struct segment segment = {0};
    enum error error;

    if (length == 0 || length > NET_MAX_BUFFER)
        return ERR_BAD_ARG;
    error = segment_map(&segment, cap, length, MM_READ | MM_WRITE);
    if (error)
        return error;
    drop_buffer(session);
    session->buffer = segment;
    session->notify = notify;
    return ERR_OK;
}

void *session_range(const struct session *session, uint64_t offset, uint64_t length)
{
    if (session->buffer.address == NULL || !range_inside(offset, length, session->buffer.length))
        return NULL;
    return (char *)session->buffer.address + offset;
}
