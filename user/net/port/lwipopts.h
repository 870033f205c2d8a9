/* SPDX-License-Identifier: MIT */
/*
 * How lwIP is made (lwip/opt.h explains every option). One thread, driven by the server's loop; all memory
 * comes from memory.c, which network devices can reach.
 */
#pragma once

#include <stddef.h>

#define NO_SYS                     1
#define SYS_LIGHTWEIGHT_PROT       0
#define LWIP_TIMERS_CUSTOM         1
#define LWIP_NETCONN               0
#define LWIP_SOCKET                0

/* Memory: everything through memory.c, and no pools, whose counters would be too short. */
void *net_memory_alloc(size_t bytes);
void net_memory_free(void *memory);
void *net_memory_alloc_zeroed(size_t count, size_t bytes);
#define MEM_LIBC_MALLOC            1
#define MEMP_MEM_MALLOC            1
#define mem_clib_malloc            net_memory_alloc
#define mem_clib_free              net_memory_free
#define mem_clib_calloc            net_memory_alloc_zeroed
#define MEM_ALIGNMENT              8
#define PBUF_POOL_BUFSIZE          1536
#define LWIP_SUPPORT_CUSTOM_PBUF   1

/* Link and IP. */
#define LWIP_ETHERNET              1
#define LWIP_ARP                   1
#define ETHARP_SUPPORT_STATIC_ENTRIES 0
#define ETHARP_TABLE_MATCH_NETIF   1
#define ETH_PAD_SIZE               0
#define LWIP_IPV4                  1
#define LWIP_IPV6                  1
#define LWIP_IPV6_DHCP6            0
#define LWIP_IPV6_AUTOCONFIG       1
#define LWIP_IPV6_MLD              1
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 1
#define IP_REASSEMBLY              1
#define IP_REASS_MAX_PBUFS         64
#define IP_FRAG                    1
#define IPV6_FRAG_COPYHEADER       1 /* pointers have 64 bits */
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK   1
#define LWIP_NETIF_HOSTNAME        1
#define LWIP_NETIF_LOOPBACK        1
#define LWIP_HAVE_LOOPIF           1
#define LWIP_LOOPBACK_MAX_PBUFS    64
#define LWIP_SINGLE_NETIF          0

/* Protocols above. */
#define LWIP_ICMP                  1
#define LWIP_RAW                   1
#define LWIP_UDP                   1
#define LWIP_TCP                   1
#define LWIP_DHCP                  1
#define LWIP_DHCP_CHECK_LINK_UP    1
#define LWIP_DNS                   1
#define DNS_MAX_NAME_LENGTH        256
#define DNS_TABLE_SIZE             16
#define LWIP_DNS_SECURE            7 /* random identification, port and no more than one query for a name */

/* TCP. */
#define LWIP_HOOK_TCP_ISN          first_sequence_number
#define TCP_MSS                    1460
#define TCP_WND                    (44 * TCP_MSS)
#define TCP_SND_BUF                (32 * TCP_MSS)
#define TCP_SND_QUEUELEN           256
#define TCP_SNDLOWAT               (2 * TCP_MSS)
#define TCP_SNDQUEUELOWAT          16
#define TCP_LISTEN_BACKLOG         1
#define TCP_QUEUE_OOSEQ            1
#define TCP_OOSEQ_MAX_BYTES        TCP_WND
#define TCP_OOSEQ_MAX_PBUFS        64
#define LWIP_TCP_SACK_OUT          1
#define LWIP_TCP_KEEPALIVE         1
#define SO_REUSE                   1
#define LWIP_HOOK_FILENAME         "hooks.h"

/* What is counted; `ip -s` shows it. */
#define LWIP_STATS                 1
#define LWIP_STATS_LARGE           1
#define MEM_STATS                  0
#define MEMP_STATS                 0
#define SYS_STATS                  0
#define LWIP_DEBUG                 0
