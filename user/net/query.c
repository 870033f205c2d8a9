/* SPDX-License-Identifier: MIT */
/* What `ip` and `ss` show. */
#include "net.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/stats.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>
#include <stdio.h>
#include <string.h>

static struct netif *netif_number(uint64_t index)
{
    struct netif *netif = netif_list;

    while (netif != NULL && index-- > 0)
        netif = netif->next;
    return netif;
}

static void fill_ipv6(const struct netif *netif, struct net_interface_reply *reply)
{
    for (unsigned i = 0; i < LWIP_IPV6_NUM_ADDRESSES && i < 3; i++) {
        memcpy(reply->ip6[i], netif_ip6_addr(netif, i)->addr, 16);
        reply->ip6_state[i] = netif_ip6_addr_state(netif, i);
    }
}

static void fill_counters(struct net_interface_reply *reply)
{
    const struct link_counters *counters = link_counters();

    reply->received_frames = counters->received_frames;
    reply->received_bytes = counters->received_bytes;
    reply->sent_frames = counters->sent_frames;
    reply->sent_bytes = counters->sent_bytes;
    reply->received_dropped = counters->received_dropped;
    reply->sent_dropped = counters->sent_dropped;
    reply->driver_restarts = counters->restarts;
}

enum error query_interface(uint64_t index, struct net_interface_reply *reply)
{
    const struct netif *netif = netif_number(index);
    const ip_addr_t *server = dns_getserver(0);

    if (netif == NULL)
        return ERR_NOT_FOUND;
    bool is_link = netif == &link_netif;
    snprintf(reply->name, sizeof(reply->name), is_link ? "eth0" : "lo");
    reply->flags = (netif_is_up(netif) ? NET_UP : 0) |
                   (netif_is_link_up(netif) || !is_link ? NET_LINK_UP : 0) |
                   (is_link && dhcp_supplied_address(netif) ? NET_DHCP : 0);
    reply->mtu = netif->mtu;
    memcpy(reply->hardware, netif->hwaddr, netif->hwaddr_len < 8 ? netif->hwaddr_len : 8);
    memcpy(reply->ip, netif_ip4_addr(netif), 4);
    memcpy(reply->mask, netif_ip4_netmask(netif), 4);
    if (is_link)
        memcpy(reply->gateway, netif_ip4_gw(netif), 4);
    if (is_link && IP_IS_V4(server))
        memcpy(reply->server, ip_2_ip4(server), 4);
    fill_ipv6(netif, reply);
    if (is_link)
        fill_counters(reply);
    return ERR_OK;
}

static uint64_t to_send(const struct tcp_pcb *pcb)
{
    return pcb->state == LISTEN ? 0 : TCP_SND_BUF - pcb->snd_buf;
}

enum error query_socket(uint64_t index, struct net_socket_reply *reply)
{
    struct socket *socket = socket_at(&index);

    if (socket == NULL)
        return ERR_NOT_FOUND;
    *reply = (struct net_socket_reply){
        .next = index,
        .client = socket->session->client,
        .type = socket->type,
        .state = socket->state,
        .receive_queued = socket->queued,
    };
    if (socket->type == NET_UDP) {
        address_out(&reply->local, &socket->udp->local_ip, socket->udp->local_port);
        if (socket->state == NET_CONNECTED)
            address_out(&reply->peer, &socket->udp->remote_ip, socket->udp->remote_port);
    } else if (socket->tcp != NULL) {
        address_out(&reply->local, &socket->tcp->local_ip, socket->tcp->local_port);
        if (socket->state != NET_LISTENING)
            address_out(&reply->peer, &socket->tcp->remote_ip, socket->tcp->remote_port);
        reply->send_queued = to_send(socket->tcp);
    }
    return ERR_OK;
}

static struct net_counters counters_of(const struct stats_proto *from)
{
    return (struct net_counters){
        .received = from->recv,
        .sent = from->xmit,
        .dropped = from->drop,
        .checksum_errors = from->chkerr,
        .protocol_errors = from->lenerr + from->proterr + from->opterr + from->rterr,
    };
}

void query_statistics(struct net_statistics_reply *reply)
{
    reply->link = counters_of(&lwip_stats.link);
    reply->arp = counters_of(&lwip_stats.etharp);
    reply->ip = counters_of(&lwip_stats.ip);
    reply->icmp = counters_of(&lwip_stats.icmp);
    reply->ip6 = counters_of(&lwip_stats.ip6);
    reply->udp = counters_of(&lwip_stats.udp);
    reply->tcp = counters_of(&lwip_stats.tcp);
    memory_state(&reply->memory, &reply->memory_used);
    reply->refused = refused;
}
