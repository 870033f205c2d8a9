/* SPDX-License-Identifier: MIT */
/* UDP sockets, on lwIP's raw interface (lwip/udp.h). */
#include "net.h"

#include <lwip/udp.h>
#include <string.h>

#define MAX_DATAGRAMS 64      /* that wait at a socket */
#define MAX_QUEUED    0x20000 /* bytes of them */

static void forget_first(struct socket *socket)
{
    struct datagram *first = socket->datagrams;

    socket->datagrams = first->next;
    socket->datagram_count--;
    socket->queued -= first->data->tot_len;
    pbuf_free(first->data);
    net_memory_free(first);
}

enum error udp_receive_to(struct socket *socket, uint64_t offset, uint64_t length,
                          struct net_receive_reply *reply)
{
    char *to = session_range(socket->session, offset, length);
    const struct datagram *first = socket->datagrams;

    if (to == NULL)
        return ERR_BAD_ARG;
    if (first == NULL)
        return ERR_WOULD_BLOCK;
    uint16_t part = first->data->tot_len < length ? first->data->tot_len : (uint16_t)length;
    reply->length = pbuf_copy_partial(first->data, to, part, 0);
    reply->from = first->from;
    forget_first(socket);
    return ERR_OK;
}

/* lwIP: a datagram has come. */
static void on_datagram(void *argument, struct udp_pcb *pcb, struct pbuf *data, const ip_addr_t *ip,
                        u16_t port)
{
    struct socket *socket = argument;
    struct wait *wait = &socket->wait[WAIT_READ];
    struct net_receive_reply reply = {0};
    bool full = socket->datagram_count >= MAX_DATAGRAMS || socket->queued + data->tot_len > MAX_QUEUED;
    struct datagram *datagram = full ? NULL : net_memory_alloc(sizeof(*datagram));

    (void)pcb;
    if (datagram == NULL) {
        pbuf_free(data);
        return;
    }
    *datagram = (struct datagram){.data = data};
    address_out(&datagram->from, ip, port);
    if (socket->datagrams == NULL)
        socket->datagrams = datagram;
    else
        socket->datagrams_last->next = datagram;
    socket->datagrams_last = datagram;
    socket->datagram_count++;
    socket->queued += data->tot_len;
    if (wait->reply == 0) {
        socket_event(socket, NET_READABLE);
        return;
    }
    enum error error = udp_receive_to(socket, wait->offset, wait->length, &reply);
    wait_answer(wait, error, &reply, sizeof(reply));
}

enum error udp_open(struct socket *socket)
{
    socket->udp = udp_new_ip_type(IPADDR_TYPE_ANY);
    if (socket->udp == NULL)
        return ERR_NO_MEMORY;
    socket->state = NET_OPEN;
    udp_recv(socket->udp, on_datagram, socket);
    return ERR_OK;
}

void udp_end(struct socket *socket)
{
    while (socket->datagrams != NULL)
        forget_first(socket);
    if (socket->udp != NULL)
        udp_remove(socket->udp);
    socket->udp = NULL;
}

enum error udp_bind_to(struct socket *socket, const ip_addr_t *ip, uint16_t port)
{
    if (socket->udp->local_port != 0)
        return ERR_BAD_ARG;
    return error_of(udp_bind(socket->udp, ip, port));
}

enum error udp_connect_to(struct socket *socket, const ip_addr_t *ip, uint16_t port)
{
    enum error error = error_of(udp_connect(socket->udp, ip, port));

    if (!error)
        socket->state = NET_CONNECTED;
    return error;
}

enum error udp_send_from(struct socket *socket, uint64_t offset, uint64_t length,
                         const struct net_address *to)
{
    const void *from = session_range(socket->session, offset, length);
    bool connected = to->family == NET_ANY;
    ip_addr_t ip;

    if (from == NULL || !address_in(to, &ip))
        return ERR_BAD_ARG;
    if (length > NET_MAX_DATAGRAM)
        return ERR_TOO_LONG;
    if (connected && socket->state != NET_CONNECTED)
        return ERR_NOT_CONNECTED;
    struct pbuf *data = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);
    if (data == NULL)
        return ERR_NO_MEMORY;
    memcpy(data->payload, from, length);
    err_t error = connected ? udp_send(socket->udp, data) : udp_sendto(socket->udp, data, &ip, to->port);
    pbuf_free(data);
    return error_of(error);
}
