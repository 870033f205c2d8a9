/* SPDX-License-Identifier: MIT */
/* The frame protocol's operations, and the server loop of an Ethernet driver. */
#include <driver/eth_server.h>
#include <stdio.h>
#include <string.h>

static struct eth_unit *units[ETH_MAX_UNITS];
static unsigned unit_count;
static void (*driver_signalled)(uint64_t bits);

PROTO_SERVER(eth, ETH_OPS)

cap_t eth_begin(void)
{
    cap_t notification = serve_notification();

    if (notification == 0)
        rt_fail("no memory for a notification");
    eth_server_setup(notification);
    return notification;
}

bool eth_add_unit(struct eth_unit *unit)
{
    if (unit_count == ETH_MAX_UNITS)
        return false;
    units[unit_count++] = unit;
    return true;
}

static enum error serve_eth_info(struct call *call, const struct eth_unit_request *request,
                                 struct eth_info_reply *reply)
{
    (void)call;
    reply->units = unit_count;
    if (unit_count == 0)
        return ERR_OK;
    if (request->unit >= unit_count)
        return ERR_NO_DEVICE;
    const struct eth_unit *unit = units[request->unit];
    reply->flags = unit->link_up && !unit->failed ? ETH_LINK_UP : 0;
    reply->mtu = unit->mtu;
    reply->resets = unit->resets;
    memcpy(reply->address, unit->address, ETH_ADDRESS_BYTES);
    snprintf(reply->name, sizeof(reply->name), "%s", unit->name);
    return ERR_OK;
}

static enum error serve_eth_attach(struct call *call, const struct eth_attach_request *request,
                                   struct proto_empty *reply)
{
    (void)reply;
    if (request->unit >= unit_count)
        return ERR_NO_DEVICE;
    struct eth_unit *unit = units[request->unit];
    if (unit->failed)
        return unit->failed;
    enum error error = eth_session_open(unit, (unsigned)request->unit, call->client, call->cap[0],
                                        call->cap[1], request->ring_entries);
    if (error)
        return error;
    call_keep(call, 0);
    call_keep(call, 1);
    call_lend(call, unit->session.doorbell);
    return ERR_OK;
}

static void client_gone(uint64_t client)
{
    for (unsigned i = 0; i < unit_count; i++)
        eth_session_end(units[i], client);
}

static enum error serve_eth_detach(struct call *call, const struct proto_empty *request,
                                   struct proto_empty *reply)
{
    (void)request;
    (void)reply;
    client_gone(call->client);
    return ERR_OK;
}

static void signalled(uint64_t bits)
{
    driver_signalled(bits);
    for (unsigned i = 0; i < unit_count; i++)
        eth_run(units[i]);
}

void eth_serve(void (*on_signal)(uint64_t bits))
{
    driver_signalled = on_signal;
    serve(&(struct server){
        .name = "eth",
        .protocol = {&eth_protocol},
        .signalled = signalled,
        .client_gone = client_gone,
    });
}
