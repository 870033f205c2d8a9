/* SPDX-License-Identifier: MIT */
/* The block protocol's operations, and the server loop of a block driver. */
#include <driver/blk_server.h>
#include <stdio.h>

static struct blk_unit *units[BLK_MAX_UNITS];
static unsigned unit_count;

PROTO_SERVER(blk, BLK_OPS)

cap_t blk_begin(void)
{
    cap_t notification = serve_notification();

    if (notification == 0)
        rt_fail("no memory for a notification");
    blk_server_setup(notification);
    return notification;
}

bool blk_add_unit(struct blk_unit *unit)
{
    if (unit_count == BLK_MAX_UNITS)
        return false;
    units[unit_count++] = unit;
    return true;
}

static enum error serve_blk_info(struct call *call, const struct blk_unit_request *request,
                                 struct blk_info_reply *reply)
{
    (void)call;
    reply->units = unit_count;
    if (unit_count == 0)
        return ERR_OK;
    if (request->unit >= unit_count)
        return ERR_NO_DEVICE;
    struct blk_unit *unit = units[request->unit];
    if (unit->driver->look != NULL)
        unit->driver->look(unit);
    reply->sectors = unit->sectors;
    reply->flags = (unit->read_only ? BLK_READ_ONLY : 0) | (unit->can_flush ? BLK_CAN_FLUSH : 0);
    reply->max_sectors = unit->max_sectors;
    reply->block_bytes = blk_block_bytes(unit);
    reply->medium = unit->medium;
    snprintf(reply->name, sizeof(reply->name), "%s", unit->name);
    return ERR_OK;
}

static enum error serve_blk_attach(struct call *call, const struct blk_attach_request *request,
                                   struct blk_attach_reply *reply)
{
    struct blk_session *session;

    if (request->unit >= unit_count)
        return ERR_NO_DEVICE;
    if (units[request->unit]->failed)
        return units[request->unit]->failed;
    enum error error = blk_session_open(units[request->unit], call->client, (call->rights & BLK_WRITE) != 0,
                                        call->cap[0], request, reply, &session);
    if (error)
        return error;
    call_keep(call, 0);
    call_lend(call, session->segment.cap);
    call_lend(call, session->doorbell);
    return ERR_OK;
}

static enum error serve_blk_detach(struct call *call, const struct proto_empty *request,
                                   struct proto_empty *reply)
{
    (void)request;
    (void)reply;
    return blk_session_end_all(call->client);
}

static void client_gone(uint64_t client)
{
    blk_session_end_all(client);
}

void blk_serve(void (*signalled)(uint64_t bits))
{
    serve(&(struct server){
        .name = rt_name(),
        .protocol = {&blk_protocol},
        .signalled = signalled,
        .client_gone = client_gone,
    });
}
