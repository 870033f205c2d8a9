/* SPDX-License-Identifier: MIT */
/* Lists the sockets of all programs. */
#include <client/net.h>
#include <rt/rt.h>

#include <inttypes.h>
#include <stdio.h>

static const char *state_of(const struct net_socket_reply *socket)
{
    static const char *const names[] = {
        [NET_CLOSED] = "closed",       [NET_LISTENING] = "listening", [NET_CONNECTING] = "connecting",
        [NET_CONNECTED] = "connected", [NET_CLOSING] = "closing",     [NET_OPEN] = "open",
    };

    return socket->state < sizeof(names) / sizeof(names[0]) ? names[socket->state] : "?";
}

int main(void)
{
    struct net_socket_reply socket;
    char local[NET_TEXT], peer[NET_TEXT];
    uint64_t index = 0;
    enum error error;

    printf("%-5s %-11s %8s %8s %-24s %-24s %s\n", "TYPE", "STATE", "RECEIVED", "UNSENT", "LOCAL", "PEER",
           "PROCESS");
    while (!(error = net_describe_socket(&index, &socket))) {
        net_format(local, &socket.local);
        net_format(peer, &socket.peer);
        printf("%-5s %-11s %8" PRIu64 " %8" PRIu64 " %-24s %-24s %" PRIu64 "\n",
               socket.type == NET_TCP ? "tcp" : "udp", state_of(&socket), socket.receive_queued,
               socket.send_queued, local, peer, socket.client);
    }
    if (error != ERR_NOT_FOUND)
        fprintf(stderr, "ss: %s\n", error_text(error));
    return error == ERR_NOT_FOUND ? 0 : 1;
}
