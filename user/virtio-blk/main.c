/* SPDX-License-Identifier: MIT */
/* The virtio block driver: one process for all virtio disks behind memory-mapped registers. */
#include "session.h"

#include <driver/device.h>
#include <stdio.h>
#include <string.h>

#define MAX_DISKS SESSION_DOORBELL

static struct unit {
    struct device device;
    struct disk disk;
} units[MAX_DISKS];
static unsigned unit_count;

PROTO_SERVER(blk_table, BLK_OPS)

static enum error serve_blk_info(struct call *call, const struct blk_unit_request *request,
                                 struct blk_info_reply *reply)
{
    (void)call;
    reply->units = unit_count;
    if (unit_count == 0) {
        return ERR_OK;
    }
    if (request->unit >= unit_count) {
        return ERR_NO_DEVICE;
    }
    const struct disk *disk = &units[request->unit].disk;
    reply->sectors = disk->sectors;
    reply->flags = (disk->read_only ? BLK_READ_ONLY : 0) | (disk->can_flush ? BLK_CAN_FLUSH : 0);
    reply->max_sectors = disk->max_sectors;
    snprintf(reply->name, sizeof(reply->name), "%s", disk->name);
    return ERR_OK;
}

static enum error serve_blk_attach(struct call *call, const struct blk_attach_request *request,
                                   struct blk_attach_reply *reply)
{
    struct session *session;

    if (request->unit >= unit_count) {
        return ERR_NO_DEVICE;
    }
    if (call->cap_count != 1) {
        return ERR_NO_CAP;
    }
    enum error error = session_open(&units[request->unit].disk, call->client, (call->rights & BLK_WRITE) != 0,
                                    call->cap[0], request, reply, &session);
    if (error != ERR_OK) {
        return error;
    }
    call->cap[0] = 0; /* the session keeps it */
    call->reply_cap[0] = session->segment.cap;
    call->reply_cap[1] = session->doorbell;
    call->reply_caps = 2;
    return ERR_OK;
}

static enum error serve_blk_detach(struct call *call, const struct proto_empty *request,
                                   struct proto_empty *reply)
{
    (void)request;
    (void)reply;
    return session_end_all(call->client);
}

static void signalled(uint64_t bits)
{
    for (unsigned i = 0; i < unit_count; i++) {
        if (bits >> i & 1) {
            disk_interrupt(&units[i].disk);
            device_interrupt_done(&units[i].device);
        }
    }
    session_run();
}

static void client_gone(uint64_t client)
{
    session_end_all(client);
}

/* Starts the disk at `index` of the devices; false after logging why not. */
static bool open_unit(struct unit *unit, uint64_t index, cap_t notification)
{
    struct mmio regs;
    struct segment memory;
    uint64_t bit = 1ull << (unit - units);

    unit->disk.finished = session_finished;
    if (device_open(&unit->device, index) != ERR_OK || device_region(&unit->device, 0, &regs) != ERR_OK ||
        device_interrupt(&unit->device, 0, notification, bit) != ERR_OK ||
        device_dma(&memory, disk_memory_bytes()) != ERR_OK) {
        return false;
    }
    if (disk_open(&unit->disk, unit->device.info.name, &regs, memory.address, memory.physical) != ERR_OK) {
        device_dma_free(&memory);
        return false;
    }
    rt_log("disk %u: %s, %llu sectors%s", (unsigned)(unit - units), unit->disk.name,
           (unsigned long long)unit->disk.sectors, unit->disk.read_only ? ", read-only" : "");
    return true;
}

int main(void)
{
    uint64_t devices = 0;
    cap_t notification = serve_notification();

    if (notification == 0) {
        rt_fail("no memory for a notification");
    }
    session_setup(notification);
    device_count(&devices);
    for (uint64_t i = 0; i < devices && unit_count < MAX_DISKS; i++) {
        unit_count += open_unit(&units[unit_count], i, notification);
    }
    if (unit_count == 0) {
        rt_log("no disk");
    }
    serve(&(struct server){
        .name = "blk",
        .endpoint = rt_cap("recv:virtio-blk"),
        .table = blk_table,
        .signalled = signalled,
        .client_gone = client_gone,
    });
}
