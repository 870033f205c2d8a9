/* SPDX-License-Identifier: MIT */
/* Sockets: their table, what happens at them, and addresses. A handle is the epoch of this server << 48 |
 * a generation << 16 | index + 1. */
#include "net.h"

#include <lwip/err.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX 65535

static struct socket **table;
static uint32_t table_size, free_from; /* below it all are taken */
static uint32_t generation;

/* --- The table --- */

static bool grow_table(void)
{
    uint32_t size = table_size == 0 ? 64 : table_size * 2;
    struct socket **bigger = size <= TABLE_MAX + 1u ? realloc(table, size * sizeof(*table)) : NULL;

    if (bigger == NULL)
        return false;
    memset(bigger + table_size, 0, (size - table_size) * sizeof(*table));
    table = bigger;
    table_size = size;
    return true;
}

/* An index that is not taken; table_size: there is none. */
static uint32_t find_free(void)
{
    while (free_from < table_size && table[free_from] != NULL)
        free_from++;
    return free_from;
}

static bool take_index(struct socket *socket)
{
    uint32_t index = find_free();

    if (index == table_size && (!grow_table() || index >= TABLE_MAX))
        return false;
    table[index] = socket;
    socket->handle = rt_start->epoch << 48 | (uint64_t)++generation << 16 | (index + 1);
    return true;
}

struct socket *socket_find(const struct session *session, uint64_t handle)
{
    uint64_t index = (handle & 0xffff) - 1;
    struct socket *socket = index < table_size ? table[index] : NULL;

    return socket != NULL && socket->handle == handle && socket->session == session &&
                   socket->listener == NULL
               ? socket
               : NULL;
}

struct socket *socket_at(uint64_t *index)
{
    while (*index < table_size) {
        struct socket *socket = table[(*index)++];
        if (socket != NULL)
            return socket;
    }
    return NULL;
}

struct socket *socket_new(struct session *session, uint64_t type)
{
    struct socket *socket = session->socket_count < NET_MAX_SOCKETS
                                ? aligned_alloc(_Alignof(struct socket), sizeof(*socket))
                                : NULL;

    if (socket == NULL)
        return NULL;
    *socket = (struct socket){.session = session, .type = (uint8_t)type};
    if (!take_index(socket)) {
        free(socket);
        return NULL;
    }
    socket->next = session->sockets;
    socket->before = &session->sockets;
    if (socket->next != NULL)
        socket->next->before = &socket->next;
    session->sockets = socket;
    session->socket_count++;
    return socket;
}

/* --- Readiness --- */

static struct session *due; /* are to be told */

void socket_event(struct socket *socket, uint8_t events)
{
    struct session *session = socket->session;
    bool first = session->ready == NULL;

    socket->events |= events;
    if (socket->is_ready || socket->listener != NULL)
        return;
    socket->is_ready = true;
    socket->next_ready = NULL;
    if (first)
        session->ready = socket;
    else
        session->ready_last->next_ready = socket;
    session->ready_last = socket;
    if (!first)
        return;
    if (session->wait.reply != 0 && !session->is_due) {
        session->is_due = true;
        session->next_due = due;
        due = session;
    } else if (session->notify != 0) {
        notification_signal(session->notify);
    }
}

/* What may be done at it now. */
static uint8_t events_of(const struct socket *socket)
{
    bool has_data =
        socket->queued > 0 || socket->ended || socket->pending != NULL || socket->datagrams != NULL;

    return (has_data ? NET_READABLE : 0) | (socket->error ? NET_FAILED | NET_READABLE : 0) |
           (socket->events & NET_WRITABLE);
}

size_t sockets_ready(struct session *session, struct net_ready_reply *reply)
{
    const uint64_t most = sizeof(reply->ready) / sizeof(reply->ready[0]);
    struct socket *socket;

    for (reply->count = 0; reply->count < most && (socket = session->ready) != NULL;) {
        session->ready = socket->next_ready;
        socket->is_ready = false;
        reply->ready[reply->count++] = (struct net_ready){socket->handle, events_of(socket)};
        socket->events = 0;
    }
    return reply->count == 0
               ? 0
               : offsetof(struct net_ready_reply, ready) + reply->count * sizeof(reply->ready[0]);
}

void sockets_tell(void)
{
    struct net_ready_reply reply;

    while (due != NULL) {
        struct session *session = due;
        due = session->next_due;
        session->is_due = false;
        size_t size = session->wait.reply != 0 ? sockets_ready(session, &reply) : 0;
        if (size > 0)
            wait_answer(&session->wait, ERR_OK, &reply, size);
    }
}

static void forget_ready(struct socket *socket)
{
    struct session *session = socket->session;
    struct socket *last = NULL;

    if (!socket->is_ready)
        return;
    for (struct socket **at = &session->ready; *at != NULL;) {
        if (*at == socket) {
            *at = socket->next_ready;
            continue;
        }
        last = *at;
        at = &(*at)->next_ready;
    }
    session->ready_last = last;
}

/* --- Ending --- */

void socket_close(struct socket *socket)
{
    struct session *session = socket->session;
    uint32_t index = (uint32_t)(socket->handle & 0xffff) - 1;

    for (unsigned i = 0; i < WAITS; i++)
        wait_answer(&socket->wait[i], ERR_CANCELLED, NULL, 0);
    forget_ready(socket);
    if (socket->type == NET_TCP)
        tcp_end(socket);
    else
        udp_end(socket);
    *socket->before = socket->next;
    if (socket->next != NULL)
        socket->next->before = socket->before;
    session->socket_count--;
    table[index] = NULL;
    if (index < free_from)
        free_from = index;
    free(socket);
}

/* --- Addresses and errors --- */

void address_out(struct net_address *to, const ip_addr_t *ip, uint16_t port)
{
    *to = (struct net_address){.port = port};
    if (ip == NULL || IP_IS_ANY_TYPE_VAL(*ip))
        return;
    to->family = IP_IS_V6(ip) ? NET_IPV6 : NET_IPV4;
    if (IP_IS_V6(ip))
        memcpy(to->ip, ip_2_ip6(ip)->addr, 16);
    else
        memcpy(to->ip, &ip_2_ip4(ip)->addr, 4);
}

bool address_in(const struct net_address *from, ip_addr_t *ip)
{
    uint32_t word[4];

    memcpy(word, from->ip, sizeof(word));
    switch (from->family) {
    case NET_ANY: *ip = *IP_ANY_TYPE; return true;
    case NET_IPV4: ip_addr_set_ip4_u32(ip, word[0]); return true;
    case NET_IPV6:
        IP_ADDR6(ip, word[0], word[1], word[2], word[3]);
        ip6_addr_assign_zone(ip_2_ip6(ip), IP6_UNICAST, &link_netif);
        return true;
    default: return false;
    }
}

enum error error_of(int lwip_error)
{
    switch (lwip_error) {
    case ERR_OK: return ERR_OK;
    case ERR_MEM:
    case ERR_BUF: return ERR_NO_MEMORY;
    case ERR_TIMEOUT: return ERR_TIMED_OUT;
    case ERR_RTE:
    case ERR_IF: return ERR_UNREACHABLE;
    case ERR_WOULDBLOCK:
    case ERR_INPROGRESS: return ERR_WOULD_BLOCK;
    case ERR_USE: return ERR_IN_USE;
    case ERR_ALREADY:
    case ERR_ISCONN: return ERR_EXISTS;
    case ERR_CONN:
    case ERR_CLSD: return ERR_NOT_CONNECTED;
    case ERR_ABRT:
    case ERR_RST: return ERR_CONNECTION_RESET;
    default: return ERR_BAD_ARG;
    }
}
