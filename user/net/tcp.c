/* SPDX-License-Identifier: MIT */
/* TCP sockets, on lwIP's raw interface (lwip/tcp.h). */
#include "net.h"

#include <lwip/priv/tcp_priv.h>
#include <string.h>

static const ip_addr_t *any_address(const ip_addr_t *ip)
{
    return IP_IS_ANY_TYPE_VAL(*ip) ? IP_ANY_TYPE : ip;
}

/* --- Data that has come --- */

/* Hands out up to `length` bytes. */
static uint64_t take_data(struct socket *socket, char *to, uint64_t length)
{
    uint64_t done = 0;

    while (done < length && socket->first != NULL) {
        struct pbuf *piece = socket->first;
        size_t rest = piece->len - socket->taken, part = length - done < rest ? length - done : rest;
        memcpy(to + done, (char *)piece->payload + socket->taken, part);
        done += part;
        socket->taken += (uint16_t)part;
        if (part < rest)
            break;
        socket->first = piece->next;
        socket->taken = 0;
        piece->next = NULL;
        pbuf_free(piece);
    }
    socket->queued -= (uint32_t)done;
    return done;
}

static void drop_data(struct socket *socket)
{
    while (socket->first != NULL) {
        struct pbuf *piece = socket->first;
        socket->first = piece->next;
        piece->next = NULL;
        pbuf_free(piece);
    }
    socket->queued = 0;
    socket->taken = 0;
}

/* Tells the peer that there is room again. */
static void taken(struct socket *socket, uint64_t length)
{
    for (uint64_t part; length > 0 && socket->tcp != NULL; length -= part) {
        part = length < UINT16_MAX ? length : UINT16_MAX;
        tcp_recved(socket->tcp, (u16_t)part);
    }
}

enum error tcp_receive_to(struct socket *socket, uint64_t offset, uint64_t length, uint64_t *received)
{
    char *to = session_range(socket->session, offset, length);

    if (to == NULL)
        return ERR_BAD_ARG;
    if (socket->state == NET_CLOSED || socket->state == NET_LISTENING || socket->state == NET_CONNECTING)
        return ERR_NOT_CONNECTED;
    *received = take_data(socket, to, length);
    if (*received > 0) {
        taken(socket, *received);
        return ERR_OK;
    }
    if (socket->error)
        return socket->error;
    return socket->ended || length == 0 ? ERR_OK : ERR_WOULD_BLOCK;
}

/* Answers who waits to receive, if there is something for him. */
static void answer_receive(struct socket *socket)
{
    struct wait *wait = &socket->wait[WAIT_READ];
    struct net_receive_reply reply = {0};
    enum error error = tcp_receive_to(socket, wait->offset, wait->length, &reply.length);

    if (error != ERR_WOULD_BLOCK)
        wait_answer(wait, error, &reply, sizeof(reply));
}

static void came(struct socket *socket)
{
    if (socket->wait[WAIT_READ].reply != 0)
        answer_receive(socket);
    else
        socket_event(socket, NET_READABLE);
}

/* lwIP: data has come, or (NULL) the end. */
static err_t on_data(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    struct socket *socket = argument;

    (void)error;
    if (socket == NULL || socket->deaf) {
        if (data != NULL) {
            tcp_recved(pcb, data->tot_len);
            pbuf_free(data);
        }
        return ERR_OK;
    }
    if (data == NULL) {
        socket->ended = true;
    } else {
        socket->queued += data->tot_len;
        if (socket->first == NULL)
            socket->first = data;
        else
            socket->last->next = data;
        while (data->next != NULL)
            data = data->next;
        socket->last = data;
    }
    came(socket);
    return ERR_OK;
}

/* --- Data to send --- */

enum error tcp_send_from(struct socket *socket, uint64_t offset, uint64_t length, uint64_t *sent)
{
    const char *from = session_range(socket->session, offset, length);

    *sent = 0;
    if (from == NULL)
        return ERR_BAD_ARG;
    if (socket->error)
        return socket->error;
    if (socket->state != NET_CONNECTED || socket->tcp == NULL)
        return socket->state == NET_CONNECTING ? ERR_WOULD_BLOCK : ERR_NOT_CONNECTED;
    while (*sent < length) {
        uint64_t room = tcp_sndbuf(socket->tcp), part = length - *sent < room ? length - *sent : room;
        if (part > 8 * TCP_MSS)
            part = 8 * TCP_MSS;
        if (part == 0 || tcp_write(socket->tcp, from + *sent, (u16_t)part, TCP_WRITE_FLAG_COPY))
            break;
        *sent += part;
    }
    tcp_output(socket->tcp);
    socket->wants_to_write = *sent < length;
    return *sent > 0 || length == 0 ? ERR_OK : ERR_WOULD_BLOCK;
}

/* lwIP: the peer has acknowledged, so there is room. */
static err_t on_room(void *argument, struct tcp_pcb *pcb, u16_t length)
{
    struct socket *socket = argument;
    struct net_length_reply reply;

    (void)pcb;
    (void)length;
    if (socket == NULL)
        return ERR_OK;
    struct wait *wait = &socket->wait[WAIT_WRITE];
    if (wait->reply != 0) {
        enum error error = tcp_send_from(socket, wait->offset, wait->length, &reply.length);
        if (error != ERR_WOULD_BLOCK)
            wait_answer(wait, error, &reply, sizeof(reply));
    } else if (socket->wants_to_write && tcp_sndbuf(pcb) >= TCP_SNDLOWAT) {
        socket->wants_to_write = false;
        socket_event(socket, NET_WRITABLE);
    }
    return ERR_OK;
}

/* --- Beginning and ending --- */

/* lwIP: the connection is over, and its block is gone. */
static void on_error(void *argument, err_t error)
{
    struct socket *socket = argument;

    if (socket == NULL)
        return;
    socket->tcp = NULL;
    socket->error =
        socket->state == NET_CONNECTING && error == ERR_RST ? ERR_CONNECTION_REFUSED : error_of(error);
    if (socket->state == NET_CONNECTING && error == ERR_ABRT)
        socket->error = ERR_TIMED_OUT;
    socket->state = socket->state == NET_CONNECTING ? NET_CLOSED : NET_CLOSING;
    wait_answer(&socket->wait[WAIT_WRITE], socket->error, NULL, 0);
    if (socket->wait[WAIT_READ].reply != 0)
        answer_receive(socket);
    socket_event(socket, NET_FAILED);
}

static void listen_to_lwip(struct socket *socket)
{
    tcp_arg(socket->tcp, socket);
    tcp_recv(socket->tcp, on_data);
    tcp_sent(socket->tcp, on_room);
    tcp_err(socket->tcp, on_error);
}

enum error tcp_open(struct socket *socket)
{
    socket->tcp = tcp_new_ip_type(IPADDR_TYPE_ANY);
    if (socket->tcp == NULL)
        return ERR_NO_MEMORY;
    listen_to_lwip(socket);
    return ERR_OK;
}

static void leave_listener(struct socket *socket)
{
    struct socket *listener = socket->listener, **at = &listener->pending;

    while (*at != socket)
        at = &(*at)->next_pending;
    *at = socket->next_pending;
    listener->pending_count--;
    if (listener->pending_last == socket) {
        listener->pending_last = NULL;
        for (struct socket *last = listener->pending; last != NULL; last = last->next_pending)
            listener->pending_last = last;
    }
    socket->listener = NULL;
}

void tcp_end(struct socket *socket)
{
    struct tcp_pcb *pcb = socket->tcp;

    while (socket->pending != NULL)
        socket_close(socket->pending);
    if (socket->listener != NULL)
        leave_listener(socket);
    drop_data(socket);
    socket->tcp = NULL;
    if (pcb == NULL)
        return;
    tcp_arg(pcb, NULL);
    if (pcb->state == LISTEN) {
        tcp_accept(pcb, NULL);
    } else {
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
    }
    if (tcp_close(pcb))
        tcp_abort(pcb);
}

/* Whether a socket listens there already: lwIP lets two that may reuse addresses. */
static bool is_taken(const ip_addr_t *ip, uint16_t port)
{
    for (struct tcp_pcb_listen *other = tcp_listen_pcbs.listen_pcbs; other != NULL; other = other->next) {
        bool overlap = ip_addr_isany(ip) || ip_addr_isany(&other->local_ip) ||
                       IP_IS_ANY_TYPE_VAL(other->local_ip) || ip_addr_cmp(ip, &other->local_ip);
        if (other->local_port == port && overlap)
            return true;
    }
    return false;
}

enum error tcp_bind_to(struct socket *socket, const ip_addr_t *ip, uint16_t port)
{
    if (socket->tcp == NULL || socket->state != NET_CLOSED || socket->tcp->local_port != 0)
        return ERR_BAD_ARG;
    if (port != 0 && is_taken(ip, port))
        return ERR_IN_USE;
    ip_set_option(socket->tcp,
                  SOF_REUSEADDR); /* connections of before that are not forgotten yet do not matter */
    return error_of(tcp_bind(socket->tcp, any_address(ip), port));
}

static void on_accepted(struct socket *listener)
{
    struct wait *wait = &listener->wait[WAIT_READ];

    if (wait->reply == 0) {
        socket_event(listener, NET_READABLE);
        return;
    }
    struct socket *socket = tcp_take_pending(listener);
    struct net_accept_reply reply = {.handle = socket->handle};
    if (socket->tcp != NULL)
        address_out(&reply.peer, &socket->tcp->remote_ip, socket->tcp->remote_port);
    wait_answer(wait, ERR_OK, &reply, sizeof(reply));
}

/* lwIP: somebody has connected. */
static err_t on_connection(void *argument, struct tcp_pcb *pcb, err_t error)
{
    struct socket *listener = argument;

    if (listener == NULL || error || pcb == NULL || listener->pending_count >= listener->backlog)
        return ERR_MEM;
    struct socket *socket = socket_new(listener->session, NET_TCP);
    if (socket == NULL)
        return ERR_MEM;
    socket->tcp = pcb;
    socket->state = NET_CONNECTED;
    listen_to_lwip(socket);
    tcp_nagle_disable(pcb);
    socket->listener = listener;
    if (listener->pending == NULL)
        listener->pending = socket;
    else
        listener->pending_last->next_pending = socket;
    listener->pending_last = socket;
    listener->pending_count++;
    on_accepted(listener);
    return ERR_OK;
}

struct socket *tcp_take_pending(struct socket *listener)
{
    struct socket *socket = listener->pending;

    if (socket == NULL)
        return NULL;
    leave_listener(socket);
    socket->next_pending = NULL;
    /* What came before the client knew of it. */
    if (socket->queued > 0 || socket->ended || socket->error)
        socket_event(socket, NET_READABLE);
    return socket;
}

enum error tcp_listen_at(struct socket *socket, uint64_t backlog)
{
    err_t error;

    if (socket->tcp == NULL || socket->state != NET_CLOSED || socket->tcp->local_port == 0)
        return ERR_BAD_ARG;
    socket->backlog = (uint32_t)(backlog == 0 ? 1 : backlog < NET_MAX_BACKLOG ? backlog : NET_MAX_BACKLOG);
    struct tcp_pcb *listener = tcp_listen_with_backlog_and_err(socket->tcp, (u8_t)socket->backlog, &error);
    if (listener == NULL)
        return error_of(error);
    socket->tcp = listener;
    socket->state = NET_LISTENING;
    tcp_arg(listener, socket);
    tcp_accept(listener, on_connection);
    return ERR_OK;
}

/* lwIP: the peer has answered. */
static err_t on_connected(void *argument, struct tcp_pcb *pcb, err_t error)
{
    struct socket *socket = argument;
    struct net_address_reply reply;

    (void)error;
    if (socket == NULL)
        return ERR_OK;
    socket->state = NET_CONNECTED;
    tcp_nagle_disable(pcb);
    address_out(&reply.address, &pcb->local_ip, pcb->local_port);
    wait_answer(&socket->wait[WAIT_WRITE], ERR_OK, &reply, sizeof(reply));
    socket_event(socket, NET_WRITABLE);
    return ERR_OK;
}

enum error tcp_connect_to(struct socket *socket, const ip_addr_t *ip, uint16_t port)
{
    if (socket->state == NET_CONNECTING)
        return ERR_OK;
    if (socket->tcp == NULL || socket->state != NET_CLOSED)
        return socket->error ? socket->error : ERR_BAD_ARG;
    enum error error = error_of(tcp_connect(socket->tcp, ip, port, on_connected));
    if (!error)
        socket->state = NET_CONNECTING;
    return error;
}

enum error tcp_shut(struct socket *socket, uint64_t how)
{
    if (socket->tcp == NULL || socket->state != NET_CONNECTED)
        return ERR_NOT_CONNECTED;
    if (how & NET_SHUTDOWN_RECEIVE) {
        socket->deaf = socket->ended = true;
        taken(socket, socket->queued);
        drop_data(socket);
    }
    if ((how & NET_SHUTDOWN_SEND) == 0)
        return ERR_OK;
    enum error error = error_of(tcp_shutdown(socket->tcp, 0, 1));
    if (!error)
        socket->state = NET_CLOSING;
    return error;
}
