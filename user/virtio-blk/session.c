/* SPDX-License-Identifier: MIT */
/* Sessions: from the clients' rings to the disks and back. */
#include "session.h"

#include <base/checked.h>
#include <driver/device.h>
#include <string.h>

static struct session sessions[SESSION_MAX];
static cap_t own_notification;
static unsigned places; /* sessions from this one on are free */
static unsigned turn;   /* session that is asked first next time */

static void count_places(void)
{
    for (places = SESSION_MAX; places > 0 && sessions[places - 1].state == SESSION_FREE; places--) {
        continue;
    }
}

void session_setup(cap_t notification)
{
    own_notification = notification;
    memset(sessions, 0, sizeof(sessions));
    count_places();
}

/* --- Opening --- */

static unsigned count_of(uint64_t client)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SESSION_MAX; i++) {
        count += sessions[i].state == SESSION_OPEN && sessions[i].client == client;
    }
    return count;
}

static struct session *find_free(void)
{
    for (unsigned i = 0; i < SESSION_MAX; i++) {
        if (sessions[i].state == SESSION_FREE) {
            return &sessions[i];
        }
    }
    return NULL;
}

/* Each place has one doorbell for good: its bit belongs to the place. */
static enum error provide_doorbell(struct session *session)
{
    if (session->doorbell != 0) {
        return ERR_OK;
    }
    cap_t slot = slot_alloc();
    if (slot == 0) {
        return ERR_TOO_MANY;
    }
    uint64_t badge = 1ull << (SESSION_DOORBELL + (session - sessions));
    enum error error = cnode_mint(START_CNODE, slot, 0, own_notification, RIGHT_SIGNAL, badge);
    if (error != ERR_OK) {
        slot_free(slot);
        return error;
    }
    session->doorbell = slot;
    return ERR_OK;
}

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Brings what is wanted into bounds and lays it out: the ring, then on a page of its own the data. */
static enum error lay_out(const struct blk_attach_request *request, struct blk_attach_reply *reply)
{
    uint64_t data = request->data_bytes;

    if (!is_power_of_two(request->ring_entries) || data == 0) {
        return ERR_BAD_ARG;
    }
    reply->ring_offset = 0;
    reply->ring_entries = request->ring_entries < RING_MAX_ENTRIES ? request->ring_entries : RING_MAX_ENTRIES;
    reply->data_offset = align_up(ring_bytes((uint32_t)reply->ring_entries), PAGE_BYTES);
    reply->data_bytes = align_up(data < SESSION_MAX_DATA ? data : SESSION_MAX_DATA, PAGE_BYTES);
    return ERR_OK;
}

enum error session_open(struct disk *disk, uint64_t client, bool writable, cap_t notify,
                        const struct blk_attach_request *request, struct blk_attach_reply *reply,
                        struct session **opened)
{
    enum error error = lay_out(request, reply);
    uint64_t bytes = reply->data_offset + reply->data_bytes;
    struct session *session = find_free();

    if (error == ERR_OK && (session == NULL || count_of(client) >= SESSION_MAX_PER_CLIENT)) {
        error = ERR_TOO_MANY;
    }
    if (error == ERR_OK) {
        error = provide_doorbell(session);
    }
    if (error == ERR_OK) {
        error = device_dma(&session->segment, bytes);
    }
    if (error != ERR_OK) {
        return error;
    }
    session->state = SESSION_OPEN;
    count_places();
    session->client = client;
    session->disk = disk;
    session->writable = writable;
    session->notify = notify;
    session->data_offset = reply->data_offset;
    session->data_bytes = reply->data_bytes;
    session->in_flight = 0;
    ring_server_init(&session->ring, session->segment.address, (uint32_t)reply->ring_entries);
    ring_server_sleep(&session->ring);
    session->awake = false;
    reply->segment_length = session->segment.length;
    *opened = session;
    return ERR_OK;
}

/* --- Ending --- */

/* Nothing of the session is in flight any more. A disk that was given up may write to the memory at any time,
 * so that is never used for anything else. */
static void settle(struct session *session)
{
    session->state = SESSION_FREE;
    count_places();
    if (session->disk->dead) {
        segment_drop(&session->segment);
    } else {
        device_dma_free(&session->segment);
    }
}

static void end(struct session *session)
{
    slot_free(session->notify);
    session->notify = 0;
    session->state = SESSION_CLOSING;
    if (session->in_flight == 0) {
        settle(session);
    }
}

enum error session_end_all(uint64_t client)
{
    enum error error = ERR_NOT_FOUND;

    for (unsigned i = 0; i < SESSION_MAX; i++) {
        if (sessions[i].state == SESSION_OPEN && sessions[i].client == client) {
            end(&sessions[i]);
            error = ERR_OK;
        }
    }
    return error;
}

/* --- Running --- */

void session_finished(void *owner, uint64_t cookie, enum error status, uint32_t length)
{
    struct session *session = owner;

    session->in_flight--;
    if (session->state == SESSION_OPEN) {
        ring_complete(&session->ring, &(struct ring_completion){cookie, status, length});
    } else if (session->in_flight == 0) {
        settle(session);
    }
}

static enum error check_transfer(const struct session *session, const struct ring_request *request)
{
    const struct disk *disk = session->disk;
    uint64_t count = request->length / BLK_SECTOR;

    if (count == 0 || request->length % BLK_SECTOR != 0 || request->offset % BLK_SECTOR != 0 ||
        count > disk->max_sectors || !range_inside(request->offset, request->length, session->data_bytes) ||
        !range_inside(request->position, count, disk->sectors)) {
        return ERR_BAD_ARG;
    }
    if (request->op == BLK_OP_WRITE && !session->writable) {
        return ERR_DENIED;
    }
    return request->op == BLK_OP_WRITE && disk->read_only ? ERR_READ_ONLY : ERR_OK;
}

static enum error check_request(const struct session *session, const struct ring_request *request)
{
    if (session->disk->dead) {
        return ERR_IO;
    }
    switch (request->op) {
    case BLK_OP_READ:
    case BLK_OP_WRITE: return check_transfer(session, request);
    case BLK_OP_FLUSH: return ERR_OK;
    default: return ERR_BAD_OP;
    }
}

/* Gives a request to the disk, or answers it at once. A disk that cannot flush has nothing to flush: it
 * writes through (Virtual I/O Device specification 1.1, section 5.2.6.2). */
static void start_request(struct session *session, const struct ring_request *request)
{
    static const enum disk_op op[] = {
        [BLK_OP_READ] = DISK_READ, [BLK_OP_WRITE] = DISK_WRITE, [BLK_OP_FLUSH] = DISK_FLUSH};
    enum error error = check_request(session, request);

    if (error != ERR_OK || (request->op == BLK_OP_FLUSH && !session->disk->can_flush)) {
        ring_complete(&session->ring, &(struct ring_completion){request->cookie, error, 0});
        return;
    }
    bool flush = request->op == BLK_OP_FLUSH;
    session->in_flight++;
    disk_submit(session->disk, op[request->op], flush ? 0 : request->position,
                session->segment.physical + session->data_offset + request->offset,
                flush ? 0 : request->length, session, request->cookie);
}

/* Takes one request from the session's ring; true when there was one. */
static bool take_one(struct session *session)
{
    struct ring_request request;
    bool broken = false;

    if (session->state != SESSION_OPEN || !disk_has_room(session->disk)) {
        return false;
    }
    if (!session->awake) {
        ring_server_wake(&session->ring);
        session->awake = true;
    }
    if (ring_take_request(&session->ring, &request, &broken)) {
        start_request(session, &request);
        return true;
    }
    if (broken) {
        rt_log("client %llu: its ring of requests makes no sense; session ended",
               (unsigned long long)session->client);
        end(session);
        return false;
    }
    session->awake = false;
    if (ring_server_sleep(&session->ring)) {
        session->awake = true;
        return true;
    }
    return false;
}

/* Tells the client of completions, and the disk of requests. */
static void show(struct session *session)
{
    if (session->state == SESSION_OPEN && ring_complete_publish(&session->ring)) {
        notification_signal(session->notify);
    }
    if (session->disk != NULL && !session->disk->dead) {
        disk_kick(session->disk);
    }
}

void session_run(void)
{
    const unsigned count = places; /* a session that ends meanwhile does not change whose turn it is */
    bool progress;

    do {
        progress = false;
        for (unsigned i = 0; i < count; i++) {
            progress |= take_one(&sessions[(turn + i) % count]);
        }
        turn++;
    } while (progress);
    for (unsigned i = 0; i < count; i++) {
        show(&sessions[i]);
    }
}
