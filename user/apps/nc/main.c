/* SPDX-License-Identifier: MIT */
/*
 * Carries bytes between the terminal and the network: `nc HOST PORT` connects, `nc -l PORT` waits for one
 * connection, -u is by UDP. `nc -e PORT` sends back what comes, to whoever connects, and by UDP as well.
 */
#include <client/net.h>
#include <rt/rt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE      16384
#define CONNECT_US 20000000
#define IDLE_US    300000 /* after the end of the input: for answers */
#define MAX_LINE   1024

static char bytes[PIECE];

static int fail(const char *what, enum error error)
{
    fprintf(stderr, "nc: %s: %s\n", what, error_text(error));
    return 1;
}

/* Prints what comes until the other side has no more, or nothing has come for so long. */
static enum error print_all(uint64_t socket, uint64_t timeout)
{
    size_t count = 1;
    enum error error = ERR_OK;

    while (!error && count > 0) {
        error = socket_receive(socket, bytes, sizeof(bytes), timeout, &count);
        if (!error)
            fwrite(bytes, 1, count, stdout);
        fflush(stdout);
    }
    return error;
}

/* Sends the terminal's lines; behind each prints what has been answered. */
static enum error talk(uint64_t socket)
{
    char line[MAX_LINE];
    enum error error = ERR_OK;
    ssize_t length;

    while (!error && (length = read(STDIN_FILENO, line, sizeof(line))) > 0) {
        error = socket_send(socket, line, (size_t)length, NET_FOREVER, NULL);
        if (error)
            return error;
        error = print_all(socket, IDLE_US);
        if (error == ERR_TIMED_OUT)
            error = ERR_OK;
        else if (!error)
            return ERR_OK; /* the other side has no more */
    }
    if (!error)
        socket_shutdown(socket, NET_SHUTDOWN_SEND);
    return error ? error : print_all(socket, CONNECT_US);
}

static int connect_to(const char *host, uint16_t port, enum net_type type)
{
    struct net_address address = {.port = port};
    uint64_t socket;
    enum error error = net_find(host, NET_ANY, CONNECT_US, &address);

    if (error)
        return fail(host, error);
    address.port = port;
    error = socket_open(type, &socket);
    if (!error)
        error = socket_connect(socket, &address, CONNECT_US);
    if (error)
        return fail(host, error);
    error = talk(socket);
    socket_close(socket);
    return !error || (type == NET_UDP && error == ERR_TIMED_OUT) ? 0 : fail(host, error);
}

static int listen_at(uint16_t port)
{
    uint64_t listener, socket;
    struct net_address peer;
    char text[NET_TEXT];
    enum error error = socket_serve(port, 1, &listener);

    if (!error)
        error = socket_accept(listener, NET_FOREVER, &socket, &peer);
    if (error)
        return fail("listen", error);
    net_format(text, &peer);
    fprintf(stderr, "connection from %s\n", text);
    error = print_all(socket, NET_FOREVER);
    return error ? fail(text, error) : 0;
}

/* --- Echo --- */

/* Everything that can be read now goes back. Returns false when the connection is over. */
static bool echo_tcp(uint64_t socket)
{
    size_t count;
    enum error error;

    while (!(error = socket_receive(socket, bytes, sizeof(bytes), 0, &count)) && count > 0)
        if (socket_send(socket, bytes, count, NET_FOREVER, NULL))
            return false;
    return error == ERR_WOULD_BLOCK;
}

static void echo_udp(uint64_t socket)
{
    struct net_address from;
    size_t count;

    while (!socket_receive_from(socket, bytes, sizeof(bytes), 0, &count, &from))
        socket_send_to(socket, bytes, count, &from);
}

static void accept_all(uint64_t listener)
{
    uint64_t socket;

    while (!socket_accept(listener, 0, &socket, NULL))
        if (!echo_tcp(socket))
            socket_close(socket);
}

static int echo_at(uint16_t port)
{
    struct net_address address = {.port = port};
    struct net_ready_reply ready;
    uint64_t listener, udp;
    enum error error = socket_serve(port, NET_MAX_BACKLOG, &listener);

    if (!error)
        error = socket_open(NET_UDP, &udp);
    if (!error)
        error = socket_bind(udp, &address);
    if (error)
        return fail("echo", error);
    printf("echo at port %u\n", port);
    while (!(error = socket_wait(&ready, NET_FOREVER))) {
        for (uint64_t i = 0; i < ready.count; i++) {
            uint64_t socket = ready.ready[i].handle;
            if (socket == udp)
                echo_udp(udp);
            else if (socket == listener)
                accept_all(listener);
            else if (!echo_tcp(socket))
                socket_close(socket);
        }
    }
    return fail("echo", error);
}

static int usage(void)
{
    fprintf(stderr, "usage: nc [-u] HOST PORT\n       nc -l PORT\n       nc -e PORT\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *option = argc > 1 && argv[1][0] == '-' ? argv[1] : "";
    bool connects = *option == 0 || strcmp(option, "-u") == 0;
    unsigned long port = argc > 2 ? strtoul(argv[argc - 1], NULL, 10) : 0;

    if (argc != (connects && *option == 0 ? 3 : connects ? 4 : 3) || port == 0 || port > UINT16_MAX)
        return usage();
    if (connects)
        return connect_to(argv[argc - 2], (uint16_t)port, *option != 0 ? NET_UDP : NET_TCP);
    if (strcmp(option, "-l") == 0)
        return listen_at((uint16_t)port);
    return strcmp(option, "-e") == 0 ? echo_at((uint16_t)port) : usage();
}
