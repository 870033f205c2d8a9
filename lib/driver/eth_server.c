/* SPDX-License-Identifier: MIT */
/* Sessions: from the client's ring to the driver and back. */
#include <base/checked.h>
#include <driver/device.h>
#include <driver/eth_server.h>
#include <string.h>

static cap_t own_notification;

void eth_server_setup(cap_t notification)
{
    own_notification = notification;
}

/* --- Opening and ending --- */

/* Each unit has one doorbell for good. */
static enum error provide_doorbell(struct eth_session *session, unsigned number)
{
    if (session->doorbell != 0)
        return ERR_OK;
    cap_t slot = slot_alloc();
    if (slot == 0)
        return ERR_TOO_MANY;
    uint64_t badge = 1ull << (ETH_DOORBELL + number);
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

enum error eth_session_open(struct eth_unit *unit, unsigned number, uint64_t client, cap_t cap, cap_t notify,
                            uint64_t ring_entries)
{
    struct eth_session *session = &unit->session;
    struct segment segment = {0};

    if (session->open)
        return ERR_IN_USE;
    if (!is_power_of_two(ring_entries) || ring_entries > RING_MAX_ENTRIES)
        return ERR_BAD_ARG;
    enum error error = provide_doorbell(session, number);
    if (!error)
        error = device_dma_borrow(&segment, cap);
    if (error)
        return error;
    if (segment.length <= ring_bytes((uint32_t)ring_entries)) {
        segment.cap = 0; /* the caller's still */
        device_dma_return(&segment);
        return ERR_BAD_ARG;
    }
    *session = (struct eth_session){
        .open = true,
        .client = client,
        .segment = segment,
        .data_offset = ring_bytes((uint32_t)ring_entries),
        .notify = notify,
        .doorbell = session->doorbell,
        .shown = true,
    };
    ring_server_init(&session->ring, segment.address, (uint32_t)ring_entries);
    ring_server_sleep(&session->ring);
    return ERR_OK;
}

void eth_session_end(struct eth_unit *unit, uint64_t client)
{
    struct eth_session *session = &unit->session;

    if (!session->open || session->client != client)
        return;
    session->open = false;
    slot_free(session->notify);
    if (unit->failed || unit->driver->restart(unit))
        device_dma_return(&session->segment);
    else
        unit->failed = ERR_IO; /* it may still write there, so nobody else ever gets that memory */
}

/* --- Running --- */

void eth_finished(struct eth_unit *unit, uint64_t cookie, enum error status, uint32_t length)
{
    if (!unit->session.open)
        return;
    ring_complete(&unit->session.ring, &(struct ring_completion){cookie, status, length});
    unit->session.shown = false;
}

void eth_sent(struct eth_unit *unit, uint64_t cookie, enum error status)
{
    struct eth_session *session = &unit->session;
    struct ring_side *ring = &session->ring;
    bool many = ring->taken - ring->made >= ring->entries / 2;

    if (!session->open)
        return;
    if (status || many || session->held == ETH_FRAME_HELD)
        session->shown = false;
    ring_complete(ring, &(struct ring_completion){cookie, status, 0});
}

static void refuse(struct eth_unit *unit, const struct ring_request *request, enum error error)
{
    eth_finished(unit, request->cookie, error, 0);
}

/* Everything of the frame that is held comes back with the error. */
static void refuse_held(struct eth_unit *unit, enum error error)
{
    struct eth_session *session = &unit->session;

    for (unsigned i = 0; i < session->pieces; i++)
        eth_finished(unit, session->piece[i].cookie, error, 0);
    session->pieces = 0;
    session->held = ETH_NOTHING_HELD;
}

static enum error check(const struct eth_unit *unit, const struct ring_request *request)
{
    const struct eth_session *session = &unit->session;

    if (unit->failed)
        return unit->failed;
    if (request->op < ETH_OP_RECEIVE || request->op > ETH_OP_PIECE)
        return ERR_BAD_OP;
    if (request->length == 0 || !range_inside(request->offset, request->length, session->segment.length) ||
        request->offset < session->data_offset) {
        return ERR_BAD_ARG;
    }
    if (request->op == ETH_OP_RECEIVE)
        return request->length < eth_buffer_bytes(unit) ? ERR_BAD_ARG : ERR_OK;
    return session->pieces == ETH_MAX_PIECES ? ERR_TOO_LONG : ERR_OK;
}

/* A frame is between header and MTU, with one tag at most. */
static enum error check_frame(const struct eth_unit *unit)
{
    const struct eth_session *session = &unit->session;
    uint64_t length = 0;

    for (unsigned i = 0; i < session->pieces; i++)
        length += session->piece[i].length;
    return length < ETH_HEADER_BYTES || length > eth_buffer_bytes(unit) ? ERR_BAD_ARG : ERR_OK;
}

/* Takes over what a request names. Buffers come between frames, not within one. */
static void hold(struct eth_unit *unit, const struct ring_request *request)
{
    struct eth_session *session = &unit->session;
    bool receives = request->op == ETH_OP_RECEIVE;
    enum error error = check(unit, request);

    if (!error && receives && session->pieces > 0)
        error = ERR_BAD_OP;
    if (error) {
        refuse_held(unit, error);
        refuse(unit, request, error);
        return;
    }
    session->piece[session->pieces++] = (struct eth_piece){
        .data = (char *)session->segment.address + request->offset,
        .physical = session->segment.physical + request->offset,
        .length = request->length,
        .cookie = request->cookie,
    };
    session->held = receives                      ? ETH_BUFFER_HELD
                    : request->op == ETH_OP_PIECE ? ETH_FRAME_IN_PIECES
                                                  : ETH_FRAME_HELD;
    if (session->held == ETH_FRAME_HELD)
        error = check_frame(unit);
    if (error)
        refuse_held(unit, error);
}

/* Gives what is held and complete to the driver; false when that has no room now. */
static bool pass_on(struct eth_unit *unit)
{
    struct eth_session *session = &unit->session;

    if (session->held == ETH_NOTHING_HELD || session->held == ETH_FRAME_IN_PIECES)
        return true;
    if (session->held == ETH_BUFFER_HELD) {
        if (!unit->driver->can_receive(unit))
            return false;
        unit->driver->receive(unit, &session->piece[0]);
    } else {
        if (!unit->driver->can_send(unit, session->pieces))
            return false;
        unit->driver->send(unit, session->piece, session->pieces);
    }
    session->pieces = 0;
    session->held = ETH_NOTHING_HELD;
    return true;
}

static void wake(struct eth_session *session)
{
    if (!session->awake)
        ring_server_wake(&session->ring);
    session->awake = true;
}

/* Takes requests until there are none or the driver has no room; then the client has to ring. */
static void take_requests(struct eth_unit *unit)
{
    struct eth_session *session = &unit->session;
    struct ring_request request;
    bool broken = false;

    while (pass_on(unit)) {
        wake(session);
        if (ring_take_request(&session->ring, &request, &broken)) {
            hold(unit, &request);
            continue;
        }
        if (broken) {
            rt_log("client %llu: its ring of requests makes no sense; session ended",
                   (unsigned long long)session->client);
            eth_session_end(unit, session->client);
            return;
        }
        session->awake = false;
        if (!ring_server_sleep(&session->ring))
            return;
        session->awake = true;
    }
}

void eth_run(struct eth_unit *unit)
{
    struct eth_session *session = &unit->session;
    bool again;

    do {
        if (!unit->failed)
            unit->driver->collect(unit);
        if (session->open)
            take_requests(unit);
        if (!session->open)
            return;
        again = !unit->failed && unit->driver->kick(unit, session->held == ETH_FRAME_HELD);
    } while (again);
    if (ring_complete_publish(&session->ring) && !session->shown)
        notification_signal(session->notify);
    session->shown = true;
}

void eth_changed(struct eth_unit *unit)
{
    if (unit->session.open)
        notification_signal(unit->session.notify);
}
