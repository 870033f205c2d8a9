/* SPDX-License-Identifier: MIT */
/* Sends back what comes at port 7: by UDP until there is an empty datagram, then by TCP. */
#include <client/net.h>
#include <rt/rt.h>

#define PORT 7

static char bytes[2048];

static void echo_udp(uint64_t socket)
{
    struct net_address from;
    size_t count = 1;

    while (count > 0 && !socket_receive_from(socket, bytes, sizeof(bytes), NET_FOREVER, &count, &from))
        socket_send_to(socket, bytes, count, &from);
}

static void echo_tcp(uint64_t socket)
{
    size_t count = 1;

    while (count > 0 && !socket_receive(socket, bytes, sizeof(bytes), NET_FOREVER, &count))
        socket_send(socket, bytes, count, NET_FOREVER, NULL);
}

int main(void)
{
    struct net_address address = {.port = PORT};
    uint64_t udp, listener, socket;

    if (socket_open(NET_UDP, &udp) || socket_bind(udp, &address) || socket_serve(PORT, 1, &listener))
        rt_fail("cannot serve");
    rt_log("ready");
    echo_udp(udp);
    if (!socket_accept(listener, NET_FOREVER, &socket, NULL))
        echo_tcp(socket);
    return 0;
}
