/* SPDX-License-Identifier: MIT */
/*
 * The protocol of sockets: TCP and UDP over IPv4 and IPv6. What a client may do is what the system
 * description limits it to (`limits`, docs/SYSTEM.md): on which ports it listens, to which addresses it
 * connects.
 *
 * Payload goes through a segment that the client makes and shares (net_attach). Operations that wait take a
 * timeout in microseconds: 0 does not wait (ERR_WOULD_BLOCK), NET_FOREVER waits as long as it takes; when it
 * is over the answer is ERR_TIMED_OUT. One operation of a kind can wait at a socket, another gets ERR_BUSY.
 *
 * Readiness: net_ready waits until something happens at a socket that an operation might have waited for, and
 * tells at which sockets it did, each once. Then operations with timeout 0 are repeated at those until they
 * give ERR_WOULD_BLOCK. The cost does not depend on how many sockets there are. Who waits for other things as
 * well has a notification signalled (net_attach) and then asks with timeout 0. Who waits by a call hears at
 * once when this server has died (ERR_PEER_GONE).
 */
#pragma once

#include <proto/proto.h>

#define NET_FOREVER      UINT64_MAX
#define NET_MAX_BUFFER   0x100000 /* bytes of a client's segment */
#define NET_MAX_DATAGRAM 1472     /* bytes in one datagram */
#define NET_MAX_SOCKETS  256      /* of one client, connections that wait to be accepted included */
#define NET_MAX_NAME     255

enum net_family { NET_ANY = 0, NET_IPV4 = 4, NET_IPV6 = 6 };
/* NET_ANY with a port: any local address, of either family. */
struct net_address {
    uint8_t ip[16]; /* the first 4 for NET_IPV4; the order is the network's */
    uint16_t port;  /* in the machine's order */
    uint8_t family; /* enum net_family */
    uint8_t zero[5];
};
_Static_assert(sizeof(struct net_address) == 24, "three words");

struct net_attach_request {
    uint64_t length; /* of the segment */
};                   /* + capabilities: the segment; a notification for readiness (optional) */

enum net_type { NET_TCP = 1, NET_UDP = 2 };
struct net_socket_request {
    uint64_t type;
};
struct net_handle_request {
    uint64_t handle;
};

struct net_bind_request {
    uint64_t handle;
    struct net_address address; /* port 0: one that is free */
};
struct net_address_reply {
    struct net_address address;
};

struct net_listen_request {
    uint64_t handle;
    uint64_t backlog; /* connections that wait to be accepted, at most NET_MAX_BACKLOG */
};
#define NET_MAX_BACKLOG 64

struct net_wait_request {
    uint64_t handle;
    uint64_t timeout;
};
struct net_accept_reply {
    uint64_t handle;
    struct net_address peer;
};

struct net_connect_request {
    uint64_t handle;
    uint64_t timeout;
    struct net_address address;
};

/* TCP takes as much as there is room for, at least one byte; UDP all or nothing. */
struct net_send_request {
    uint64_t handle;
    uint64_t offset, length; /* in the segment */
    uint64_t timeout;
    struct net_address to; /* UDP that is not connected */
};
struct net_receive_request {
    uint64_t handle;
    uint64_t offset, length;
    uint64_t timeout;
};
/* TCP: length 0 is the end of what the peer sends. UDP: one datagram, cut when it is longer. */
struct net_receive_reply {
    uint64_t length;
    struct net_address from; /* UDP */
};
struct net_length_reply {
    uint64_t length;
};

enum net_shutdown { NET_SHUTDOWN_SEND = 1, NET_SHUTDOWN_RECEIVE = 2 };
struct net_shutdown_request {
    uint64_t handle;
    uint64_t how;
};

/* What may be done at a socket without waiting. */
enum net_events {
    NET_READABLE = 1, /* data, a connection, or the end */
    NET_WRITABLE = 2, /* after a send that would have waited, and after connecting */
    NET_FAILED = 4,   /* the connection is over: every operation says why */
};
struct net_ready_request {
    uint64_t timeout;
};
struct net_ready {
    uint64_t handle;
    uint64_t events;
};
struct net_ready_reply {
    uint64_t count; /* at least 1 */
    struct net_ready ready[3]; /* so that the answer travels in registers */
};

struct net_resolve_request {
    uint64_t timeout;
    uint64_t family; /* NET_ANY: IPv4 when there is one, else IPv6 */
    char name[NET_MAX_NAME + 1];
};

/* One echo request (ICMP), and how long the answer took. */
struct net_ping_request {
    uint64_t timeout;
    uint64_t length; /* bytes of payload, at most 1400 */
    uint64_t sequence;
    struct net_address address;
};
struct net_ping_reply {
    uint64_t time; /* microseconds */
    uint64_t length;
    uint64_t hops; /* time to live, or hop limit, that was left */
};

/* Interfaces one by one; ERR_NOT_FOUND after the last. */
struct net_interface_request {
    uint64_t index;
};
enum net_interface_flags { NET_UP = 1, NET_LINK_UP = 2, NET_DHCP = 4, NET_IPV6_VALID_0 = 8 };
struct net_interface_reply {
    char name[8];
    uint64_t flags;
    uint64_t mtu;
    uint8_t hardware[8];
    uint8_t ip[4], mask[4], gateway[4], server[4]; /* IPv4; server: of names */
    uint8_t ip6[3][16];
    uint8_t ip6_state[8]; /* bit 4: valid, bit 5: preferred */
    uint64_t received_frames, received_bytes, sent_frames, sent_bytes;
    uint64_t received_dropped, sent_dropped; /* no room for them */
    uint64_t driver_restarts;
};

/* Sockets and TCP connections one by one, from `index` on; ERR_NOT_FOUND after the last. */
struct net_socket_reply {
    uint64_t next; /* index to go on from */
    uint64_t client;
    uint64_t type, state;                 /* state: enum net_state */
    uint64_t receive_queued, send_queued; /* bytes */
    struct net_address local, peer;
};
enum net_state { NET_CLOSED, NET_LISTENING, NET_CONNECTING, NET_CONNECTED, NET_CLOSING, NET_OPEN };

/* What is counted of a protocol. */
struct net_counters {
    uint64_t received, sent, dropped, checksum_errors, protocol_errors;
};
struct net_statistics_reply {
    struct net_counters link, arp, ip, icmp, ip6, udp, tcp;
    uint64_t memory, memory_used; /* bytes of the stack's */
    uint64_t tcp_retransmitted;   /* segments */
    uint64_t refused;             /* requests that went beyond a client's limits */
};

#define NET_OPS(OP)                                                                                          \
    OP(net, 1, attach, struct net_attach_request, struct proto_empty,                                        \
       NET_SOCKET, (SEGMENT, OPTIONAL(NOTIFICATION)), ())                                                    \
    OP(net, 2, socket, struct net_socket_request, struct net_handle_request, NET_SOCKET, (), ())             \
    OP(net, 3, bind, struct net_bind_request, struct net_address_reply, NET_SOCKET, (), ())                  \
    OP(net, 4, listen, struct net_listen_request, struct proto_empty, NET_SOCKET, (), ())                    \
    OP(net, 5, accept, struct net_wait_request, struct net_accept_reply, NET_SOCKET, (), ())                 \
    OP(net, 6, connect, struct net_connect_request, struct net_address_reply, NET_SOCKET, (), ())            \
    OP(net, 7, send, struct net_send_request, struct net_length_reply, NET_SOCKET, (), ())                   \
    OP(net, 8, receive, struct net_receive_request, struct net_receive_reply, NET_SOCKET, (), ())            \
    OP(net, 9, shutdown, struct net_shutdown_request, struct proto_empty, NET_SOCKET, (), ())                \
    OP(net, 10, close, struct net_handle_request, struct proto_empty, NET_SOCKET, (), ())                    \
    OP(net, 11, ready, struct net_ready_request, struct net_ready_reply, NET_SOCKET, (), ())                 \
    OP(net, 12, resolve, struct net_resolve_request, struct net_address_reply, NET_SOCKET, (), ())           \
    OP(net, 13, ping, struct net_ping_request, struct net_ping_reply, NET_SOCKET, (), ())                    \
    OP(net, 14, interface, struct net_interface_request, struct net_interface_reply, NET_INSPECT, (), ())    \
    OP(net, 15, sockets, struct net_interface_request, struct net_socket_reply, NET_INSPECT, (), ())         \
    OP(net, 16, statistics, struct proto_empty, struct net_statistics_reply, NET_INSPECT, (), ())
PROTO_CLIENT(NET_OPS)
