/* SPDX-License-Identifier: MIT */
/* Sockets for programs: see net.h. One shared buffer per process; its first half sends, the second
 * receives. */
#include "net.h"

#include <rt/rt.h>
#include <string.h>

#define BUFFER_BYTES 0x20000
#define HALF         (BUFFER_BYTES / 2)

static struct segment buffer;

/* The session with the network server; 0: none was granted. */
static cap_t server(void)
{
    static cap_t session;

    if (session == 0)
        session = rt_server("net");
    return session;
}

/* Makes the buffer and hands it to the server, which may have been restarted since. */
static enum error attach(void)
{
    struct net_attach_request request = {BUFFER_BYTES};
    enum error error = server() == 0 ? ERR_NO_CAP : ERR_OK;

    if (!error && buffer.address == NULL)
        error = segment_make(&buffer, BUFFER_BYTES);
    if (error)
        return error;
    return net_attach(server(), &request, NULL, buffer.cap, 0);
}

enum error socket_open(enum net_type type, uint64_t *socket)
{
    struct net_socket_request request = {type};
    struct net_handle_request reply;
    enum error error = attach();

    if (!error)
        error = net_socket(server(), &request, &reply);
    if (!error)
        *socket = reply.handle;
    return error;
}

void socket_close(uint64_t socket)
{
    struct net_handle_request request = {socket};

    net_close(server(), &request, NULL);
}

enum error socket_bind(uint64_t socket, struct net_address *address)
{
    struct net_bind_request request = {socket, *address};
    struct net_address_reply reply;
    enum error error = net_bind(server(), &request, &reply);

    if (!error)
        *address = reply.address;
    return error;
}

enum error socket_listen(uint64_t socket, unsigned backlog)
{
    struct net_listen_request request = {socket, backlog};

    return net_listen(server(), &request, NULL);
}

enum error socket_serve(uint16_t port, unsigned backlog, uint64_t *socket)
{
    struct net_address address = {.port = port};
    enum error error = socket_open(NET_TCP, socket);

    if (error)
        return error;
    error = socket_bind(*socket, &address);
    if (!error)
        error = socket_listen(*socket, backlog);
    if (error)
        socket_close(*socket);
    return error;
}

enum error socket_accept(uint64_t socket, uint64_t timeout, uint64_t *accepted, struct net_address *peer)
{
    struct net_wait_request request = {socket, timeout};
    struct net_accept_reply reply;
    enum error error = net_accept(server(), &request, &reply);

    if (error)
        return error;
    *accepted = reply.handle;
    if (peer != NULL)
        *peer = reply.peer;
    return ERR_OK;
}

enum error socket_connect(uint64_t socket, const struct net_address *address, uint64_t timeout)
{
    struct net_connect_request request = {socket, timeout, *address};
    struct net_address_reply reply;

    return net_connect(server(), &request, &reply);
}

enum error socket_send(uint64_t socket, const void *bytes, size_t size, uint64_t timeout, size_t *sent)
{
    enum error error = ERR_OK;
    size_t done = 0;

    while (!error && done < size) {
        struct net_send_request request = {.handle = socket, .timeout = timeout};
        struct net_length_reply reply = {0};
        request.length = size - done < HALF ? size - done : HALF;
        memcpy(buffer.address, (const char *)bytes + done, request.length);
        error = net_send(server(), &request, &reply);
        if (!error)
            done += reply.length <= request.length ? reply.length : request.length;
    }
    if (sent != NULL)
        *sent = done;
    return error;
}

enum error socket_receive(uint64_t socket, void *bytes, size_t size, uint64_t timeout, size_t *count)
{
    return socket_receive_from(socket, bytes, size, timeout, count, NULL);
}

enum error socket_send_to(uint64_t socket, const void *bytes, size_t size, const struct net_address *to)
{
    struct net_send_request request = {.handle = socket, .length = size, .to = *to};
    struct net_length_reply reply;

    if (size > HALF)
        return ERR_TOO_LONG;
    memcpy(buffer.address, bytes, size);
    return net_send(server(), &request, &reply);
}

enum error socket_receive_from(uint64_t socket, void *bytes, size_t size, uint64_t timeout, size_t *count,
                               struct net_address *from)
{
    struct net_receive_request request = {socket, HALF, size < HALF ? size : HALF, timeout};
    struct net_receive_reply reply;
    enum error error = net_receive(server(), &request, &reply);

    if (error)
        return error;
    *count = reply.length < request.length ? reply.length : request.length;
    memcpy(bytes, (const char *)buffer.address + HALF, *count);
    if (from != NULL)
        *from = reply.from;
    return ERR_OK;
}

enum error socket_shutdown(uint64_t socket, uint64_t how)
{
    struct net_shutdown_request request = {socket, how};

    return net_shutdown(server(), &request, NULL);
}

enum error socket_wait(struct net_ready_reply *ready, uint64_t timeout)
{
    struct net_ready_request request = {timeout};
    enum error error = net_ready(server(), &request, ready);

    if (!error && ready->count > sizeof(ready->ready) / sizeof(ready->ready[0]))
        return ERR_CORRUPT;
    return error;
}

/* --- The machine --- */

enum error net_find(const char *name, uint64_t family, uint64_t timeout, struct net_address *address)
{
    struct net_resolve_request request = {.timeout = timeout, .family = family};
    struct net_address_reply reply;
    uint16_t port = address->port;

    if (net_parse(name, address))
        return ERR_OK;
    if (strlen(name) > NET_MAX_NAME)
        return ERR_NAME_TOO_LONG;
    strcpy(request.name, name);
    enum error error = server() == 0 ? ERR_NO_CAP : net_resolve(server(), &request, &reply);
    if (error)
        return error;
    *address = reply.address;
    address->port = port;
    return ERR_OK;
}

enum error net_echo(const struct net_address *address, uint64_t sequence, size_t length, uint64_t timeout,
                    struct net_ping_reply *reply)
{
    struct net_ping_request request = {timeout, length, sequence, *address};

    return server() == 0 ? ERR_NO_CAP : net_ping(server(), &request, reply);
}

enum error net_describe(uint64_t index, struct net_interface_reply *reply)
{
    struct net_interface_request request = {index};

    return server() == 0 ? ERR_NO_CAP : net_interface(server(), &request, reply);
}

enum error net_describe_socket(uint64_t *index, struct net_socket_reply *reply)
{
    struct net_interface_request request = {*index};
    enum error error = server() == 0 ? ERR_NO_CAP : net_sockets(server(), &request, reply);

    if (!error)
        *index = reply->next;
    return error;
}

enum error net_count(struct net_statistics_reply *reply)
{
    return server() == 0 ? ERR_NO_CAP : net_statistics(server(), NULL, reply);
}
