/* SPDX-License-Identifier: MIT */
/* Sends echo requests to a host and tells how long the answers took. */
#include <client/net.h>
#include <rt/rt.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND  1000000
#define PAYLOAD 56

struct tally {
    unsigned sent, received;
    uint64_t least, most, sum; /* microseconds */
};

/* Waits until `start` is a second ago. */
static void wait_for_second(uint64_t start)
{
    static cap_t notification, timer;

    if (timer == 0 && (object_make(OBJ_NOTIFICATION, 0, &notification) || object_make(OBJ_TIMER, 0, &timer)))
        return;
    if (!timer_set(timer, notification, start + rt_start->timebase, 0))
        notification_wait(notification);
}

static void note(struct tally *tally, uint64_t time)
{
    tally->least = tally->received == 0 || time < tally->least ? time : tally->least;
    tally->most = time > tally->most ? time : tally->most;
    tally->sum += time;
    tally->received++;
}

/* One echo, and what is left of the second. */
static enum error ping(const struct net_address *address, struct tally *tally, bool last)
{
    struct net_ping_reply reply;
    char text[NET_TEXT];
    uint64_t start = rt_ticks();
    enum error error = net_echo(address, ++tally->sent, PAYLOAD, SECOND, &reply);

    net_format(text, address);
    if (error == ERR_TIMED_OUT) {
        printf("no answer from %s: seq=%u\n", text, tally->sent);
        return ERR_OK;
    }
    if (error)
        return error;
    note(tally, reply.time);
    printf("%" PRIu64 " bytes from %s: seq=%u ttl=%" PRIu64 " time=%" PRIu64 ".%03" PRIu64 " ms\n",
           reply.length + 8, text, tally->sent, reply.hops, reply.time / 1000, reply.time % 1000);
    if (!last)
        wait_for_second(start);
    return ERR_OK;
}

static void print_tally(const struct tally *tally)
{
    printf("%u sent, %u received", tally->sent, tally->received);
    if (tally->received > 0) {
        uint64_t mean = tally->sum / tally->received;
        printf(", least/mean/most %" PRIu64 ".%03" PRIu64 "/%" PRIu64 ".%03" PRIu64 "/%" PRIu64 ".%03" PRIu64
               " ms",
               tally->least / 1000, tally->least % 1000, mean / 1000, mean % 1000, tally->most / 1000,
               tally->most % 1000);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    bool counted = argc == 4 && strcmp(argv[1], "-c") == 0;
    unsigned count = counted ? (unsigned)strtoul(argv[2], NULL, 10) : 4;
    const char *host = argv[argc - 1];
    struct net_address address = {0};
    struct tally tally = {0};

    if ((argc != 2 && !counted) || count == 0) {
        fprintf(stderr, "usage: ping [-c COUNT] HOST\n");
        return 2;
    }
    enum error error = net_find(host, NET_ANY, 5 * SECOND, &address);
    address.port = 0;
    while (!error && tally.sent < count)
        error = ping(&address, &tally, tally.sent + 1 == count);
    if (error) {
        fprintf(stderr, "ping: %s: %s\n", host, error_text(error));
        return 1;
    }
    print_tally(&tally);
    return tally.received > 0 ? 0 : 1;
}
