/* SPDX-License-Identifier: MIT */
/*
 * The network server: serves include/proto/net.h by lwIP, over an interface of include/proto/eth.h. One
 * thread: a message, what has come from the driver, or a moment of time is handled to its end, and then all
 * frames that were made of it go to the driver together.
 */
#include "net.h"

#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <string.h>

PROTO_SERVER(net, NET_OPS)

/* --- The end of each turn --- */

/* What this machine has sent to itself arrives. */
static void deliver_own(void)
{
    for (struct netif *netif = netif_list; netif != NULL; netif = netif->next) {
        if (netif->loop_first != NULL)
            netif_poll(netif);
    }
}

/* What was made in this turn goes out, and the timer is set for what is due next. */
static void end_turn(void)
{
    deliver_own();
    sockets_tell();
    link_flush();
    /* What becomes due from now on is looked at when the timer signals next. */
    if (time_is_set_within(TIMER_LEAST_MS))
        return;
    uint32_t sleep = sys_timeouts_sleeptime();
    if (sleep != SYS_TIMEOUTS_SLEEPTIME_INFINITE)
        time_wake_at(rt_ticks() + ticks_of_ms(sleep));
}

/* The end of a request that may have made something. */
static enum error ended(enum error error)
{
    timers_busy();
    end_turn();
    return error;
}

static void signalled(uint64_t bits)
{
    if (bits & SIGNAL_TIMER)
        time_signalled();
    sys_check_timeouts();
    if (!link_receive() && (bits & SIGNAL_FRAMES))
        link_ask();
    if (bits & SIGNAL_TIMER) {
        time_wake_at(wait_expire());
        time_wake_at(link_check());
    }
    end_turn();
}

/* --- Requests that concern a socket --- */

static enum error find_socket(struct call *call, uint64_t handle, struct session **session,
                              struct socket **socket)
{
    *session = session_of(call->client);
    if (*session == NULL)
        return ERR_TOO_MANY;
    if (handle >> 48 != (uint16_t)rt_start->epoch)
        return ERR_STALE;
    *socket = socket_find(*session, handle);
    return *socket != NULL ? ERR_OK : ERR_NOT_FOUND;
}

/* Has the caller wait at the socket for what could not be done now. */
static enum error wait_at(struct socket *socket, unsigned kind, struct call *call, uint64_t timeout,
                          uint64_t offset, uint64_t length)
{
    struct wait *wait = &socket->wait[kind];
    enum error error = wait_begin(wait, call, timeout, NULL);

    if (!error) {
        wait->offset = offset;
        wait->length = length;
    }
    return error;
}

static enum error refuse(const struct session *session, const char *what, const ip_addr_t *ip, uint64_t port)
{
    refused++;
    rt_log("client %llu may not %s %s port %llu", (unsigned long long)session->client, what,
           ip != NULL ? ipaddr_ntoa(ip) : "", (unsigned long long)port);
    return ERR_DENIED;
}

static enum error serve_net_attach(struct call *call, const struct net_attach_request *request,
                                   struct proto_empty *reply)
{
    struct session *session = session_of(call->client);

    (void)reply;
    if (session == NULL)
        return ERR_TOO_MANY;
    enum error error = session_attach(session, call->cap[0], request->length, call->cap[1]);
    if (!error) {
        call_keep(call, 0);
        call_keep(call, 1);
    }
    return error;
}

static enum error serve_net_socket(struct call *call, const struct net_socket_request *request,
                                   struct net_handle_request *reply)
{
    struct session *session = session_of(call->client);

    if (session == NULL)
        return ERR_TOO_MANY;
    if (request->type != NET_TCP && request->type != NET_UDP)
        return ERR_BAD_ARG;
    struct socket *socket = socket_new(session, request->type);
    if (socket == NULL)
        return session->socket_count >= NET_MAX_SOCKETS ? ERR_TOO_MANY : ERR_NO_MEMORY;
    enum error error = request->type == NET_TCP ? tcp_open(socket) : udp_open(socket);
    if (error) {
        socket_close(socket);
        return error;
    }
    reply->handle = socket->handle;
    return ERR_OK;
}

static enum error serve_net_bind(struct call *call, const struct net_bind_request *request,
                                 struct net_address_reply *reply)
{
    struct session *session;
    struct socket *socket;
    ip_addr_t ip;
    enum error error = find_socket(call, request->handle, &session, &socket);
    uint16_t port = request->address.port;

    if (error)
        return error;
    if (!address_in(&request->address, &ip))
        return ERR_BAD_ARG;
    if (port != 0 && !grant_listen(session->grant, session->grant_count, socket->type, port))
        return refuse(session, "listen at", NULL, port);
    error = socket->type == NET_TCP ? tcp_bind_to(socket, &ip, port) : udp_bind_to(socket, &ip, port);
    if (!error && socket->type == NET_TCP)
        address_out(&reply->address, &socket->tcp->local_ip, socket->tcp->local_port);
    else if (!error)
        address_out(&reply->address, &socket->udp->local_ip, socket->udp->local_port);
    return error;
}

static enum error serve_net_listen(struct call *call, const struct net_listen_request *request,
                                   struct proto_empty *reply)
{
    struct session *session;
    struct socket *socket;
    enum error error = find_socket(call, request->handle, &session, &socket);

    (void)reply;
    if (error)
        return error;
    if (socket->type != NET_TCP || socket->tcp == NULL)
        return ERR_BAD_ARG;
    uint16_t port = socket->tcp->local_port;
    if (!grant_listen(session->grant, session->grant_count, NET_TCP, port))
        return refuse(session, "listen at", NULL, port);
    return ended(tcp_listen_at(socket, request->backlog));
}

static enum error serve_net_accept(struct call *call, const struct net_wait_request *request,
                                   struct net_accept_reply *reply)
{
    struct session *session;
    struct socket *socket;
    enum error error = find_socket(call, request->handle, &session, &socket);

    if (error)
        return error;
    if (socket->state != NET_LISTENING)
        return ERR_BAD_ARG;
    struct socket *accepted = tcp_take_pending(socket);
    if (accepted == NULL)
        return wait_at(socket, WAIT_READ, call, request->timeout, 0, 0);
    reply->handle = accepted->handle;
    if (accepted->tcp != NULL)
        address_out(&reply->peer, &accepted->tcp->remote_ip, accepted->tcp->remote_port);
    return ERR_OK;
}

static enum error connect_tcp(struct call *call, struct socket *socket, const ip_addr_t *ip, uint16_t port,
                              uint64_t timeout, struct net_address_reply *reply)
{
    enum error error = socket->state == NET_CONNECTED ? ERR_OK : tcp_connect_to(socket, ip, port);

    if (error)
        return error;
    if (socket->state == NET_CONNECTING)
        return wait_at(socket, WAIT_WRITE, call, timeout, 0, 0);
    address_out(&reply->address, &socket->tcp->local_ip, socket->tcp->local_port);
    return ERR_OK;
}

static enum error serve_net_connect(struct call *call, const struct net_connect_request *request,
                                    struct net_address_reply *reply)
{
    struct session *session;
    struct socket *socket;
    ip_addr_t ip;
    enum error error = find_socket(call, request->handle, &session, &socket);
    uint16_t port = request->address.port;

    if (error)
        return error;
    if (!address_in(&request->address, &ip) || request->address.family == NET_ANY || port == 0)
        return ERR_BAD_ARG;
    if (!grant_connect(session->grant, session->grant_count, socket->type, &ip, port))
        return refuse(session, "connect to", &ip, port);
    if (socket->type == NET_TCP)
        return ended(connect_tcp(call, socket, &ip, port, request->timeout, reply));
    error = udp_connect_to(socket, &ip, port);
    address_out(&reply->address, &socket->udp->local_ip, socket->udp->local_port);
    return error;
}

/* To whom a datagram may be sent: who may be connected to, and who could have written to this port. */
static enum error check_destination(const struct session *session, const struct socket *socket,
                                    const struct net_address *to)
{
    ip_addr_t ip;

    if (to->family == NET_ANY)
        return ERR_OK;
    if (!address_in(to, &ip))
        return ERR_BAD_ARG;
    if (grant_connect(session->grant, session->grant_count, NET_UDP, &ip, to->port) ||
        grant_listen(session->grant, session->grant_count, NET_UDP, socket->udp->local_port)) {
        return ERR_OK;
    }
    return refuse(session, "send to", &ip, to->port);
}

static enum error serve_net_send(struct call *call, const struct net_send_request *request,
                                 struct net_length_reply *reply)
{
    struct session *session;
    struct socket *socket;
    enum error error = find_socket(call, request->handle, &session, &socket);

    if (error)
        return error;
    if (socket->type == NET_UDP) {
        error = check_destination(session, socket, &request->to);
        if (!error)
            error = udp_send_from(socket, request->offset, request->length, &request->to);
        reply->length = request->length;
        return ended(error);
    }
    error = socket->wait[WAIT_WRITE].reply != 0
                ? ERR_BUSY
                : tcp_send_from(socket, request->offset, request->length, &reply->length);
    if (error == ERR_WOULD_BLOCK)
        error = wait_at(socket, WAIT_WRITE, call, request->timeout, request->offset, request->length);
    return ended(error);
}

static enum error serve_net_receive(struct call *call, const struct net_receive_request *request,
                                    struct net_receive_reply *reply)
{
    struct session *session;
    struct socket *socket;
    enum error error = find_socket(call, request->handle, &session, &socket);

    if (error)
        return error;
    if (socket->wait[WAIT_READ].reply != 0)
        return ERR_BUSY;
    error = socket->type == NET_UDP
                ? udp_receive_to(socket, request->offset, request->length, reply)
                : tcp_receive_to(socket, request->offset, request->length, &reply->length);
    if (error == ERR_WOULD_BLOCK)
        return wait_at(socket, WAIT_READ, call, request->timeout, request->offset, request->length);
    return socket->type == NET_UDP ? error : ended(error); /* TCP may tell of its room */
}

static enum error serve_net_shutdown(struct call *call, const struct net_shutdown_request *request,
                                     struct proto_empty *reply)
{
    struct session *session;
    struct socket *socket;
    enum error error = find_socket(call, request->handle, &session, &socket);

    (void)reply;
    if (error)
        return error;
    return socket->type == NET_TCP ? ended(tcp_shut(socket, request->how)) : ERR_BAD_ARG;
}

static enum error serve_net_close(struct call *call, const struct net_handle_request *request,
                                  struct proto_empty *reply)
{
    struct session *session;
    struct socket *socket;
    enum error error = find_socket(call, request->handle, &session, &socket);

    (void)reply;
    if (error)
        return error;
    socket_close(socket);
    return ended(ERR_OK);
}

static enum error serve_net_ready(struct call *call, const struct net_ready_request *request,
                                  struct net_ready_reply *reply)
{
    struct session *session = session_of(call->client);

    if (session == NULL)
        return ERR_TOO_MANY;
    call->size.reply = (uint32_t)sockets_ready(session, reply);
    return reply->count > 0 ? ERR_OK : wait_begin(&session->wait, call, request->timeout, NULL);
}

/* --- Other requests --- */

static bool may_connect_anywhere(const struct session *session)
{
    bool may = false;

    for (unsigned i = 0; i < session->grant_count; i++)
        may |= !session->grant[i].listen;
    return may;
}

static enum error serve_net_resolve(struct call *call, const struct net_resolve_request *request,
                                    struct net_address_reply *reply)
{
    struct session *session = session_of(call->client);

    if (session == NULL)
        return ERR_TOO_MANY;
    if (memchr(request->name, 0, sizeof(request->name)) == NULL || request->name[0] == 0)
        return ERR_BAD_ARG;
    if (!may_connect_anywhere(session))
        return refuse(session, "ask for names", NULL, 53);
    return ended(
        request_name(session, call, request->name, request->family, request->timeout, &reply->address));
}

static enum error serve_net_ping(struct call *call, const struct net_ping_request *request,
                                 struct net_ping_reply *reply)
{
    struct session *session = session_of(call->client);
    ip_addr_t ip;

    (void)reply;
    if (session == NULL)
        return ERR_TOO_MANY;
    if (!address_in(&request->address, &ip))
        return ERR_BAD_ARG;
    if (!grant_connect(session->grant, session->grant_count, NET_UDP, &ip, 0))
        return refuse(session, "send an echo to", &ip, 0);
    return ended(request_echo(session, call, request));
}

static enum error serve_net_interface(struct call *call, const struct net_interface_request *request,
                                      struct net_interface_reply *reply)
{
    (void)call;
    return query_interface(request->index, reply);
}

static enum error serve_net_sockets(struct call *call, const struct net_interface_request *request,
                                    struct net_socket_reply *reply)
{
    (void)call;
    return query_socket(request->index, reply);
}

static enum error serve_net_statistics(struct call *call, const struct proto_empty *request,
                                       struct net_statistics_reply *reply)
{
    (void)call;
    (void)request;
    query_statistics(reply);
    return ERR_OK;
}

static void client_gone(uint64_t client)
{
    session_end(client);
    end_turn();
}

int main(void)
{
    cap_t notification = serve_notification(), signal = slot_alloc();

    if (notification == 0 || signal == 0 ||
        cnode_mint(START_CNODE, signal, 0, notification, RIGHT_SIGNAL | RIGHT_GRANT, SIGNAL_FRAMES)) {
        rt_fail("no memory for a notification");
    }
    time_init(notification);
    link_init(signal);
    requests_init();
    time_wake_at(link_check());
    link_receive();
    end_turn();
    serve(&(struct server){
        .name = rt_name(),
        .protocol = {&net_protocol},
        .signalled = signalled,
        .client_gone = client_gone,
    });
}
