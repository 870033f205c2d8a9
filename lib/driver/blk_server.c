/* SPDX-License-Identifier: MIT */
/* Sessions: from the clients' rings to the driver and back. */
#include <base/checked.h>
#include <driver/blk_server.h>
#include <driver/device.h>
#include <string.h>

static struct blk_session sessions[BLK_MAX_SESSIONS];
static cap_t own_notification;
static unsigned places; /* sessions from this one on are free */
static unsigned turn;   /* session that is asked first next time */

static void count_places(void)
{
    for (places = BLK_MAX_SESSIONS; places > 0 && sessions[places - 1].state == BLK_SESSION_FREE; places--)
        continue;
}

void blk_server_setup(cap_t notification)
{
    own_notification = notification;
    memset(sessions, 0, sizeof(sessions));
    count_places();
}

/* --- Opening --- */

static unsigned count_of(uint64_t client)
{
    unsigned count = 0;

    for (unsigned i = 0; i < BLK_MAX_SESSIONS; i++)
        count += sessions[i].state == BLK_SESSION_OPEN && sessions[i].client == client;
    return count;
}

static struct blk_session *find_free(void)
{
    for (unsigned i = 0; i < BLK_MAX_SESSIONS; i++) {
        if (sessions[i].state == BLK_SESSION_FREE)
            return &sessions[i];
    }
    return NULL;
}

/* Each place has one doorbell for good: its bit belongs to the place. */
static enum error provide_doorbell(struct blk_session *session)
{
    if (session->doorbell != 0)
        return ERR_OK;
    cap_t slot = slot_alloc();
    if (slot == 0)
        return ERR_TOO_MANY;
    uint64_t badge = 1ull << (BLK_DOORBELL + (session - sessions));
    enum error error = cnode_mint(START_CNODE, slot, 0, own_notification, RIGHT_SIGNAL, badge);
    if (error) {
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

    if (!is_power_of_two(request->ring_entries) || data == 0)
        return ERR_BAD_ARG;
    reply->ring_offset = 0;
    reply->ring_entries = request->ring_entries < RING_MAX_ENTRIES ? request->ring_entries : RING_MAX_ENTRIES;
    reply->data_offset = align_up(ring_bytes((uint32_t)reply->ring_entries), PAGE_BYTES);
    reply->data_bytes = align_up(data < BLK_MAX_DATA ? data : BLK_MAX_DATA, PAGE_BYTES);
    return ERR_OK;
}

enum error blk_session_open(struct blk_unit *unit, uint64_t client, bool writable, cap_t notify,
                            const struct blk_attach_request *request, struct blk_attach_reply *reply,
                            struct blk_session **opened)
{
    enum error error = lay_out(request, reply);
    uint64_t bytes = reply->data_offset + reply->data_bytes;
    struct blk_session *session = find_free();

    if (!error && (session == NULL || count_of(client) >= BLK_MAX_SESSIONS_PER_CLIENT))
        error = ERR_TOO_MANY;
    if (!error)
        error = provide_doorbell(session);
    if (!error)
        error = device_dma(&session->segment, bytes);
    if (error)
        return error;
    session->state = BLK_SESSION_OPEN;
    count_places();
    session->client = client;
    session->unit = unit;
    session->medium = unit->medium;
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

/* Nothing of the session is in flight any more. What a unit may still write to is never used for anything
 * else. */
static void settle(struct blk_session *session)
{
    session->state = BLK_SESSION_FREE;
    count_places();
    if (session->unit->holds_memory)
        segment_drop(&session->segment);
    else
        device_dma_free(&session->segment);
}

static void end(struct blk_session *session)
{
    slot_free(session->notify);
    session->notify = 0;
    session->state = BLK_SESSION_CLOSING;
    if (session->in_flight == 0)
        settle(session);
}

enum error blk_session_end_all(uint64_t client)
{
    enum error error = ERR_NOT_FOUND;

    for (unsigned i = 0; i < BLK_MAX_SESSIONS; i++) {
        if (sessions[i].state == BLK_SESSION_OPEN && sessions[i].client == client) {
            end(&sessions[i]);
            error = ERR_OK;
        }
    }
    return error;
}

/* --- Running --- */

void blk_finished(struct blk_session *session, uint64_t cookie, enum error status, uint32_t length)
{
    session->in_flight--;
    if (session->state == BLK_SESSION_OPEN)
        ring_complete(&session->ring, &(struct ring_completion){cookie, status, length});
    else if (session->in_flight == 0)
        settle(session);
}

static enum error check_transfer(const struct blk_session *session, const struct ring_request *request)
{
    const struct blk_unit *unit = session->unit;
    uint64_t count = request->length / BLK_SECTOR, block = blk_block_bytes(unit);

    if (count == 0 || request->length % block != 0 || request->position % (block / BLK_SECTOR) != 0 ||
        request->offset % BLK_SECTOR != 0 ||
        count > unit->max_sectors || !range_inside(request->offset, request->length, session->data_bytes) ||
        !range_inside(request->position, count, unit->sectors)) {
        return ERR_BAD_ARG;
    }
    if (request->op == BLK_OP_WRITE && !session->writable)
        return ERR_DENIED;
    return request->op == BLK_OP_WRITE && unit->read_only ? ERR_READ_ONLY : ERR_OK;
}

static enum error check_request(const struct blk_session *session, const struct ring_request *request)
{
    if (session->medium != session->unit->medium)
        return ERR_NO_DEVICE;
    if (session->unit->failed)
        return session->unit->failed;
    switch (request->op) {
    case BLK_OP_READ:
    case BLK_OP_WRITE: return check_transfer(session, request);
    case BLK_OP_FLUSH: return ERR_OK;
    default: return ERR_BAD_OP;
    }
}

/* Gives a request to the driver, or answers it at once. */
static void start_request(struct blk_session *session, const struct ring_request *taken)
{
    enum error error = check_request(session, taken);
    bool flush = taken->op == BLK_OP_FLUSH;

    if (error || (flush && !session->unit->can_flush)) {
        ring_complete(&session->ring, &(struct ring_completion){taken->cookie, error, 0});
        return;
    }
    struct blk_request request = {.op = (enum blk_op)taken->op, .session = session, .cookie = taken->cookie};
    if (!flush) {
        uint64_t offset = session->data_offset + taken->offset;
        request.sector = taken->position;
        request.length = taken->length;
        request.data = (char *)session->segment.address + offset;
        request.physical = session->segment.physical + offset;
    }
    session->in_flight++;
    session->unit->driver->submit(session->unit, &request);
}

/* Takes one request from the session's ring; true when there was one. */
static bool take_one(struct blk_session *session)
{
    struct ring_request request;
    bool broken = false;

    if (session->state != BLK_SESSION_OPEN || !session->unit->driver->has_room(session->unit))
        return false;
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

/* Tells the client of completions, and the driver of requests. */
static void show(struct blk_session *session)
{
    if (session->state == BLK_SESSION_OPEN && ring_complete_publish(&session->ring))
        notification_signal(session->notify);
    if (session->unit != NULL && !session->unit->failed && session->unit->driver->kick != NULL)
        session->unit->driver->kick(session->unit);
}

void blk_run(void)
{
    const unsigned count = places; /* a session that ends meanwhile does not change whose turn it is */
    bool progress;

    do {
        progress = false;
        for (unsigned i = 0; i < count; i++)
            progress |= take_one(&sessions[(turn + i) % count]);
        turn++;
    } while (progress);
    for (unsigned i = 0; i < count; i++)
        show(&sessions[i]);
}
