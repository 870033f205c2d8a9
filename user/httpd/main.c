/* SPDX-License-Identifier: MIT */
/*
 * A web server (HTTP/1.1): files below /www, and the state of the system. One thread; each connection is read
 * or written as far as it goes without waiting, then the next one at which something has happened.
 */
#include "httpd.h"

#include <rt/rt.h>
#include <stdlib.h>
#include <string.h>

#define PORT     80
#define IDLE_MS  15000 /* for the head of a request; and until all of an answer has been taken */
#define LOOK_US  1000000
#define RETRY_US 200000 /* until the network is there */

struct connection {
    uint64_t socket; /* 0: free */
    uint64_t due;    /* ticks: until then the peer must have done something */
    bool answering, keep;
    size_t have; /* bytes of `head` */
    char head[HEAD_BYTES];
    struct answer answer;
};

static struct connection *connections[MAX_CONNECTIONS];
static unsigned count;
static uint64_t listener;

static void set_due(struct connection *connection)
{
    connection->due = rt_ticks() + rt_ticks_of_us(IDLE_MS * 1000ull);
}

static void close_connection(struct connection *connection)
{
    for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
        if (connections[i] == connection)
            connections[i] = NULL;
    }
    answer_end(&connection->answer);
    socket_close(connection->socket);
    free(connection);
    count--;
}

/* Sends what is to be sent; false: the rest must wait, or the connection is over. */
static bool send_answer(struct connection *connection, bool *over)
{
    struct answer *answer = &connection->answer;

    do {
        while (answer->sent < answer->have) {
            size_t sent = 0;
            enum error error = socket_send(connection->socket, answer->out + answer->sent,
                                           answer->have - answer->sent, 0, &sent);
            answer->sent += sent;
            if (sent > 0)
                set_due(connection);
            if (error) {
                *over = error != ERR_WOULD_BLOCK;
                return false;
            }
        }
    } while (answer_fill(answer));
    /* A file that became shorter meanwhile: the peer must not take what comes next for it. */
    *over = answer->left > 0 || !connection->keep;
    answer_end(answer);
    connection->answering = false;
    return !*over;
}

/* Begins to answer the first request of those that have come; false: none is all there. */
static bool begin_answer(struct connection *connection)
{
    struct request request;
    int length = connection->have > 0 ? request_read(connection->head, connection->have, &request) : 0;

    if (length == 0)
        return false;
    connection->answering = true;
    connection->keep = length > 0 && request.keep;
    if (length < 0) {
        answer_mistake(&connection->answer, (unsigned)-length);
        connection->have = 0;
        return true;
    }
    answer_request(&connection->answer, &request);
    connection->have -= (size_t)length;
    memmove(connection->head, connection->head + length, connection->have);
    return true;
}

/* Takes in what has come; false: nothing more now, or the connection is over. */
static bool receive(struct connection *connection, bool *over)
{
    size_t size = 0;
    enum error error = socket_receive(connection->socket, connection->head + connection->have,
                                      sizeof(connection->head) - connection->have, 0, &size);

    *over = (error && error != ERR_WOULD_BLOCK) || (!error && size == 0);
    connection->have += error ? 0 : size;
    return !error && size > 0;
}

static void serve_connection(struct connection *connection)
{
    bool over = false;

    do {
        if (connection->answering && !send_answer(connection, &over))
            break;
        if (begin_answer(connection)) {
            set_due(connection);
            continue;
        }
        if (!receive(connection, &over))
            break;
    } while (!over);
    if (over)
        close_connection(connection);
}

static void add_connection(uint64_t socket)
{
    struct connection *connection = count < MAX_CONNECTIONS ? malloc(sizeof(*connection)) : NULL;
    unsigned i = 0;

    if (connection == NULL) {
        socket_close(socket);
        return;
    }
    while (connections[i] != NULL)
        i++;
    connection->socket = socket;
    connection->answering = connection->keep = false;
    connection->have = 0;
    answer_init(&connection->answer);
    set_due(connection);
    connections[i] = connection;
    count++;
    serve_connection(connection);
}

static void accept_all(void)
{
    uint64_t socket;

    while (!socket_accept(listener, 0, &socket, NULL))
        add_connection(socket);
}

static struct connection *find(uint64_t socket)
{
    for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
        if (connections[i] != NULL && connections[i]->socket == socket)
            return connections[i];
    }
    return NULL;
}

/* Who is too slow makes room for others. */
static void close_slow(void)
{
    for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
        if (connections[i] != NULL && connections[i]->due <= rt_ticks())
            close_connection(connections[i]);
    }
}

static void handle(const struct net_ready_reply *ready)
{
    for (uint64_t i = 0; i < ready->count; i++) {
        struct connection *connection = find(ready->ready[i].handle);
        if (ready->ready[i].handle == listener)
            accept_all();
        else if (connection != NULL)
            serve_connection(connection);
    }
}

static void wait_a_little(uint64_t us)
{
    static cap_t notification, timer;

    if (timer == 0 && (object_make(OBJ_NOTIFICATION, 0, &notification) || object_make(OBJ_TIMER, 0, &timer)))
        rt_fail("no memory for a timer");
    timer_set(timer, notification, rt_ticks() + rt_ticks_of_us(us), 0);
    notification_wait(notification);
}

/* Serves until the network server is another one. */
static void serve_pages(void)
{
    struct net_ready_reply ready;
    enum error error = ERR_OK;

    while (!error || error == ERR_TIMED_OUT) {
        error = socket_wait(&ready, count > 0 ? LOOK_US : NET_FOREVER);
        if (!error)
            handle(&ready);
        close_slow();
    }
    rt_log("the network has gone: %s", error_text(error));
    for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
        if (connections[i] != NULL)
            close_connection(connections[i]);
    }
}

int main(void)
{
    for (enum error said = ERR_OK;;) {
        enum error error = socket_serve(PORT, NET_MAX_BACKLOG, &listener);
        if (!error)
            serve_pages();
        else if (error != said)
            rt_log("cannot listen at port %u: %s", PORT, error_text(error));
        said = error;
        wait_a_little(RETRY_US);
    }
}
