/* SPDX-License-Identifier: MIT */
/* What the files of net share: memory, the interface, clients, sockets, and what waits. */
#pragma once

#include <base/heap.h>
#include <lwip/ip_addr.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <proto/net.h>
#include <rt/rt.h>

/* Bits of the notification. */
enum { SIGNAL_FRAMES = 1, SIGNAL_TIMER = 2 };

/* --- memory.c --- */

/* The memory of lwIP: everything that it allocates lies there, so that a network device can send it as it is.
 * Powers of two from 64 bytes on, each taken from a list of its own: a constant number of steps. */
void memory_init(void *start, size_t length);
/* How many bytes there are, and how many of them are in use. */
void memory_state(uint64_t *total, uint64_t *used);

/* --- time.c --- */

/* Makes the timer that signals `notification` with SIGNAL_TIMER. */
void time_init(cap_t notification);
/* Has the timer signal at `due` (ticks), unless it does so earlier already. */
void time_wake_at(uint64_t due);
/* Whether it signals within so many milliseconds anyway. */
bool time_is_set_within(uint64_t ms);
/* The timer has signalled. */
void time_signalled(void);
uint64_t ticks_of_ms(uint64_t ms);

/* --- timers.c: lwIP's --- */

#define TIMER_LEAST_MS 100 /* the shortest of their intervals */
/* Something goes on: timers that only let tables age run for a while. */
void timers_busy(void);

/* --- link.c: the interface --- */

struct link_counters {
    uint64_t received_frames, received_bytes, sent_frames, sent_bytes, received_dropped, sent_dropped,
        restarts;
};
extern struct netif link_netif; /* valid when link_exists() */
/* Asks the driver for its interface, and makes the memory of net: what a device can reach, where there is
 * one. `signal` is what the driver is to signal. */
void link_init(cap_t signal);
bool link_exists(void);
const struct link_counters *link_counters(void);
/* Takes in what has come, and sends on its way what was made meanwhile; before net waits. */
bool link_receive(void); /* whether there was anything */
void link_flush(void);
/* The driver has signalled, but not for frames: whether the link is up may have changed. */
void link_ask(void);
/* Looks after the driver: takes up with the next one when it has died. Returns when to look again, in
 * ticks. */
uint64_t link_check(void);

/* --- grant.c: what clients may do --- */

struct grant {
    bool listen;    /* else: connect */
    uint8_t types;  /* bits 1 << enum net_type */
    uint8_t prefix; /* bits of the address that count; 0: any */
    ip_addr_t address;
    uint16_t first, last; /* ports */
};
#define MAX_GRANTS 16
/* A text of the description. False: it makes no sense. */
bool grant_parse(const char *text, struct grant *grant);
/* Whether the grants allow listening on a port, and connecting to an address and port (port 0: its echo). */
bool grant_listen(const struct grant *grants, unsigned count, uint64_t type, uint16_t port);
bool grant_connect(const struct grant *grants, unsigned count, uint64_t type, const ip_addr_t *address,
                   uint16_t port);

/* --- wait.c: calls that are answered later --- */

struct wait {
    _Alignas(64) struct heap_node node; /* in the queue of those that end at some time */
    cap_t reply;                        /* 0: nobody waits */
    /* Its time is over: answers. */
    void (*expired)(struct wait *wait);
    uint64_t offset, length; /* of the client's segment */
    void *owner;
};
/* Has the caller wait until wait_answer(), `timeout` microseconds at most: then it gets ERR_TIMED_OUT, or
 * what `expired` answers when that is not NULL. ERR_WOULD_BLOCK: timeout 0; ERR_BUSY: somebody waits
 * already; ERR_NO_MEMORY. */
enum error wait_begin(struct wait *wait, struct call *call, uint64_t timeout,
                      void (*expired)(struct wait *wait));
void wait_answer(struct wait *wait, enum error error, const void *reply, size_t size);
/* Ends those whose time is over. Returns when the next one is, in ticks; NEVER: none. */
uint64_t wait_expire(void);
#define NEVER        UINT64_MAX

/* --- session.c: clients --- */

#define MAX_SESSIONS 64

struct socket;
struct session {
    struct wait wait;         /* until something happens at any socket */
    struct session *next_due; /* of those that are to be answered at the end of this turn, ... */
    bool is_due;              /* ... to which it belongs */
    uint64_t client;          /* 0: free */
    struct segment buffer;
    cap_t notify;
    struct grant grant[MAX_GRANTS];
    unsigned grant_count;
    unsigned socket_count;
    struct socket *sockets;            /* all */
    struct socket *ready, *ready_last; /* something has happened at them */
    struct request *requests;          /* names and echoes that are asked for */
};
extern uint64_t refused; /* requests beyond limits */
/* The session of a client, made if need be; NULL: too many. */
struct session *session_of(uint64_t client);
void session_end(uint64_t client);
/* Takes over the capabilities: of the segment, and of the notification (0: none). */
enum error session_attach(struct session *session, cap_t segment, uint64_t length, cap_t notify);
/* The part of the buffer that a request names; NULL when it is not all inside. */
void *session_range(const struct session *session, uint64_t offset, uint64_t length);

/* --- socket.c --- */

enum { WAIT_READ, WAIT_WRITE, WAITS };

struct datagram {
    struct datagram *next;
    struct pbuf *data;
    struct net_address from;
};

struct socket {
    struct wait wait[WAITS];
    uint64_t handle;
    struct session *session;
    struct socket *next, **before; /* of the session's */
    struct socket *next_ready;
    bool is_ready, wants_to_write;
    uint8_t type, state; /* enum net_type, enum net_state */
    uint8_t events;      /* enum net_events, since net_ready told last */
    bool ended;          /* TCP: the peer sends no more */
    bool deaf;           /* what comes is thrown away */
    enum error error;    /* TCP: why the connection is over */
    union {
        struct tcp_pcb *tcp; /* NULL: it is over */
        struct udp_pcb *udp;
    };
    uint32_t queued; /* bytes that were received and not taken */
    /* TCP: pieces in a row, of the first of which `taken` bytes are gone. */
    struct pbuf *first, *last;
    uint16_t taken;
    /* Listener: connections to be accepted. They are sockets of the session already. */
    struct socket *pending, *pending_last, *next_pending, *listener;
    uint32_t pending_count, backlog;
    /* UDP. */
    struct datagram *datagrams, *datagrams_last;
    uint32_t datagram_count;
};

/* A new socket of the session; NULL: no memory, or NET_MAX_SOCKETS. */
struct socket *socket_new(struct session *session, uint64_t type);
struct socket *socket_find(const struct session *session, uint64_t handle);
/* The first socket in the table from *index on, which moves behind it; NULL: none. */
struct socket *socket_at(uint64_t *index);
/* Ends everything that waits at it, and forgets it. What TCP has still to send is sent. */
void socket_close(struct socket *socket);
/* Something has happened: the client is told that it may look. */
void socket_event(struct socket *socket, uint8_t events);
/* Tells at which sockets something has happened. Returns the size of the reply; 0: at none. */
size_t sockets_ready(struct session *session, struct net_ready_reply *reply);
/* Tells those who wait for that; at the end of a turn, so that they hear of several at once. */
void sockets_tell(void);

/* Addresses. */
void address_out(struct net_address *to, const ip_addr_t *ip, uint16_t port);
/* False: no such family. NET_ANY becomes IP_ANY_TYPE. */
bool address_in(const struct net_address *from, ip_addr_t *ip);
/* An error of lwIP's in our words. */
enum error error_of(int lwip_error);

/* --- tcp.c, udp.c: what differs --- */

enum error tcp_open(struct socket *socket);
void tcp_end(struct socket *socket);
enum error tcp_bind_to(struct socket *socket, const ip_addr_t *ip, uint16_t port);
enum error tcp_listen_at(struct socket *socket, uint64_t backlog);
/* Begins to connect; done when the state is NET_CONNECTED. */
enum error tcp_connect_to(struct socket *socket, const ip_addr_t *ip, uint16_t port);
/* ERR_WOULD_BLOCK: nothing can be sent now. */
enum error tcp_send_from(struct socket *socket, uint64_t offset, uint64_t length, uint64_t *sent);
enum error tcp_receive_to(struct socket *socket, uint64_t offset, uint64_t length, uint64_t *received);
enum error tcp_shut(struct socket *socket, uint64_t how);
/* A connection that waits to be accepted; NULL: none. */
struct socket *tcp_take_pending(struct socket *listener);

enum error udp_open(struct socket *socket);
void udp_end(struct socket *socket);
enum error udp_bind_to(struct socket *socket, const ip_addr_t *ip, uint16_t port);
enum error udp_connect_to(struct socket *socket, const ip_addr_t *ip, uint16_t port);
enum error udp_send_from(struct socket *socket, uint64_t offset, uint64_t length,
                         const struct net_address *to);
enum error udp_receive_to(struct socket *socket, uint64_t offset, uint64_t length,
                          struct net_receive_reply *reply);

/* --- request.c: names and echoes --- */

struct request;
enum error request_name(struct session *session, struct call *call, const char *name, uint64_t family,
                        uint64_t timeout, struct net_address *found);
enum error request_echo(struct session *session, struct call *call, const struct net_ping_request *what);
/* Whether any is not answered yet. */
bool requests_wait(void);
/* Forgets all of a session that has ended. */
void requests_end(struct session *session);
void requests_init(void);

/* --- query.c: what `ip` and `ss` show --- */

enum error query_interface(uint64_t index, struct net_interface_reply *reply);
enum error query_socket(uint64_t index, struct net_socket_reply *reply);
void query_statistics(struct net_statistics_reply *reply);

/* Of memory.c, as lwipopts.h declares them for lwIP. */
void *net_memory_alloc(size_t bytes);
void net_memory_free(void *memory);
void *net_memory_alloc_zeroed(size_t count, size_t bytes);
