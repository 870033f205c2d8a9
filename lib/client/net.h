/* SPDX-License-Identifier: MIT */
/*
 * The network for programs: sockets behind plain calls that wait. Timeouts are in microseconds, NET_FOREVER
 * waits as long as it takes; when one is over the call returns ERR_TIMED_OUT, with 0 at once ERR_WOULD_BLOCK.
 * After a restart of the network server sockets of before give ERR_STALE, and new ones can be opened.
 */
#pragma once

#include <proto/net.h>

#include <stdbool.h>
#include <stddef.h>

/* --- Addresses --- */

#define NET_TEXT 64 /* bytes of the longest address and port as text, with its end */

/* Reads an address: 10.0.2.2, fe80::1, or with a port 10.0.2.2:80, [fe80::1]:80; the port stays when there is
 * none. False: it is none. */
bool net_parse(const char *text, struct net_address *address);
/* The address as text, with its port unless that is 0. */
void net_format(char text[NET_TEXT], const struct net_address *address);
/* The address of a name, or of an address as text. */
enum error net_find(const char *name, uint64_t family, uint64_t timeout, struct net_address *address);

/* --- Sockets --- */

/* ERR_NO_CAP: this program was granted no network. */
enum error socket_open(enum net_type type, uint64_t *socket);
void socket_close(uint64_t socket);
/* Port 0: any that is free; *address becomes what it is. */
enum error socket_bind(uint64_t socket, struct net_address *address);
enum error socket_listen(uint64_t socket, unsigned backlog);
/* Opens, binds and listens. */
enum error socket_serve(uint16_t port, unsigned backlog, uint64_t *socket);
enum error socket_accept(uint64_t socket, uint64_t timeout, uint64_t *accepted, struct net_address *peer);
enum error socket_connect(uint64_t socket, const struct net_address *address, uint64_t timeout);
/* Sends all bytes; *sent says how many when that failed. The timeout is for each time that there is no
 * room. */
enum error socket_send(uint64_t socket, const void *bytes, size_t size, uint64_t timeout, size_t *sent);
/* Receives up to `size` bytes; *count 0 is the end. */
enum error socket_receive(uint64_t socket, void *bytes, size_t size, uint64_t timeout, size_t *count);
/* One datagram to and from. */
enum error socket_send_to(uint64_t socket, const void *bytes, size_t size, const struct net_address *to);
enum error socket_receive_from(uint64_t socket, void *bytes, size_t size, uint64_t timeout, size_t *count,
                               struct net_address *from);
/* enum net_shutdown */
enum error socket_shutdown(uint64_t socket, uint64_t how);
/* Waits until something has happened at any socket, and tells at which: see proto/net.h. */
enum error socket_wait(struct net_ready_reply *ready, uint64_t timeout);

/* --- The machine --- */

enum error net_echo(const struct net_address *address, uint64_t sequence, size_t length, uint64_t timeout,
                    struct net_ping_reply *reply);
/* The index-th interface; sockets from *index on, which moves; ERR_NOT_FOUND after the last. */
enum error net_describe(uint64_t index, struct net_interface_reply *reply);
enum error net_describe_socket(uint64_t *index, struct net_socket_reply *reply);
enum error net_count(struct net_statistics_reply *reply);
