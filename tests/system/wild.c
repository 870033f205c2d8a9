/* SPDX-License-Identifier: MIT */
/*
 * Random and hostile requests to every server that there is: operations of its own and of others, of right
 * and wrong lengths, with the capabilities that they want, others, and none. As a process of the description,
 * wild@SEED-COUNT, it starts itself (the program /wild of the disk) so often, with a seed each, and ends
 * those that do not end by themselves, in the middle of whatever they wait for; then no server may have been
 * restarted. With a seed as argument it makes requests until it has made enough.
 */
#include "tables.h"

#include <client/fs.h>
#include <client/process.h>
#include <rt/rt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS   3000
#define CHILD_US   400000 /* that one may take */
#define POOL       64     /* numbers that requests are made of */
#define CAPS       6
#define BUFFER     0x10000
#define PIECE      0x10000

static const struct {
    const char *name;
    const struct proto_operation *const *operations;
} protocols[] = {{"mm", mm},   {"proc", proc}, {"dev", dev}, {"console", console}, {"gpio", gpio},
                 {"blk", blk}, {"fs", fs},     {"net", net}, {"eth", eth}};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static uint64_t seed;
static uint64_t pool[POOL] = {0, 1, 2, 3, 7, 8, 64, 511, 512, 4095, 4096, 4097, 65536, 1ull << 20, 1ull << 31,
                              1ull << 32, 1ull << 38, 1ull << 63, ~0ull, ~0ull - 4095, 0x1000000000ull};
static cap_t caps[CAPS];
static struct segment buffer;

static uint64_t next(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * 0x2545f4914f6cdd1dull) >> 8;
}

static unsigned below(unsigned bound)
{
    return (unsigned)(next() % bound);
}

static uint64_t number(void)
{
    switch (below(8)) {
    case 0: return next();
    case 1: return pool[below(POOL)] + below(3) - 1;
    case 2: return below(64) * 4096;
    case 3: return below(300);
    default: return pool[below(POOL)];
    }
}

static const struct proto_operation *choose(unsigned *protocol)
{
    unsigned of = *protocol, count = 0;

    if (below(12) == 0)
        of = below(PROTOCOLS);
    while (protocols[of].operations[count] != NULL)
        count++;
    return protocols[of].operations[below(count)];
}

/* Waits are seldom long: a child that waits makes no requests. */
static void shorten_waits(uint32_t number, uint64_t words[MSG_MAX_WORDS])
{
    if (below(64) == 0)
        return;
    if (number == OP_console_read)
        words[1] |= CONSOLE_NONBLOCK;
    for (unsigned i = 0; i < 8 && number >> 8 == PROTOCOL_net; i++)
        words[i] %= 1000; /* microseconds, where it is a time */
}

static void request(unsigned protocol)
{
    const struct start_cap *server = rt_session(protocols[protocol].name, below(2));
    struct proto_operation op = *choose(&protocol);
    uint64_t words[MSG_MAX_WORDS], reply[MSG_MAX_WORDS] = {0};
    cap_t give[MSG_MAX_CAPS], out[MSG_MAX_CAPS], *take[MSG_MAX_CAPS] = {&out[0], &out[1], &out[2], &out[3]};

    if (server == NULL)
        return;
    for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
        words[i] = number();
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
        give[i] = below(6) == 0 ? 0 : caps[below(2) == 0 && i < op.in_most ? i % CAPS : below(CAPS)];
    if (below(10) == 0)
        op.in_most = (uint8_t)below(MSG_MAX_CAPS + 1);
    if (below(40) == 0)
        op.number = (uint32_t)next();
    size_t size = below(8) == 0 ? below(MSG_MAX_WORDS + 1) * 8 : op.size.request;
    if (op.number == OP_proc_exit)
        return;
    if (op.number == OP_mm_unmap || op.number == OP_mm_map)
        words[1] = 0x1000000000ull + (words[1] & 0xffffff000); /* not its own code */
    shorten_waits(op.number, words);
    enum error error = proto_call(server->slot, &op, words, size, reply, give, take);
    for (unsigned i = 0; i < op.out_count && !error; i++)
        slot_free(out[i]);
    if (!error && op.size.reply > 0) /* handles and the like are asked for again */
        pool[21 + below(POOL - 21)] = reply[below(op.size.reply / 8 < 4 ? op.size.reply / 8 : 4)];
}

static void make_caps(void)
{
    static const char *const paths[] = {"/", "/big.txt", "/../..", "/wild/x", "a/b"};
    cap_t notification = 0;

    if (segment_make(&buffer, BUFFER) || object_make(OBJ_NOTIFICATION, 0, &notification))
        exit(1);
    for (unsigned i = 0; i < 5; i++)
        strcpy((char *)buffer.address + i * 8, paths[i]);
    caps[0] = below(2) == 0 ? notification : buffer.cap;
    caps[1] = below(2) == 0 ? notification : buffer.cap;
    caps[2] = caps[3] = notification;
    caps[4] = START_CNODE;
    if (object_make(OBJ_TIMER, 0, &caps[5]))
        caps[5] = notification;
}

static void be_wild(void)
{
    make_caps();
    unsigned favourite = below(PROTOCOLS);
    for (unsigned i = 0; i < REQUESTS; i++)
        request(below(3) == 0 ? below(PROTOCOLS) : favourite);
}

/* --- The one that starts them --- */

static enum error image_read(void *context, uint64_t position, void *into, size_t size)
{
    size_t count = 0;
    enum error error = file_read(*(uint64_t *)context, position, into, size, &count);

    return !error && count != size ? ERR_IO : error;
}

static void must(enum error error, const char *what)
{
    if (!error)
        return;
    printf("wild: failed: %s: %s\n", what, error_text(error));
    fflush(stdout);
    exit(1);
}

/* Runs one child; how it ended. */
static enum proc_state run_child(unsigned number, cap_t timer, cap_t bell)
{
    struct proc_request request;
    struct proc_status_reply status;
    struct fs_stat stat;
    uint64_t handle;
    char text[24], cause[112];
    const char *const arguments[] = {"wild", text};
    enum error error;

    snprintf(text, sizeof(text), "%u", number);
    must(file_open("/wild", 0, 0, &handle, &stat), "open /wild");
    error = process_spawn(image_read, &handle, stat.size, 2, arguments, NULL, &request.process, cause);
    file_close(handle);
    must(error, "spawn");
    must(process_watch(request.process, bell), "watch");
    timer_set(timer, bell, rt_ticks() + rt_ticks_of_us(CHILD_US), 0);
    notification_wait(bell);
    bool ended = proc_status(rt_server("proc"), &request, &status) != ERR_BUSY;
    if (!ended) {
        must(proc_kill(rt_server("proc"), &request, NULL), "kill");
        must(proc_status(rt_server("proc"), &request, &status), "status");
    }
    timer_cancel(timer);
    notification_poll(bell, NULL);
    return (enum proc_state)status.state;
}

/* Says which servers were restarted. */
static unsigned restarted(void)
{
    struct proc_request request = {0};
    struct proc_list_reply process;
    unsigned count = 0;

    for (; !proc_list(rt_server("proc"), &request, &process); request.process = process.process + 1) {
        if (process.restarts == 0 && process.state == PROC_RUNNING)
            continue;
        printf("wild: %s was restarted %u times\n", process.name, (unsigned)process.restarts);
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    const char *first = strchr(rt_name(), '@'), *count = first ? strchr(first + 1, '-') : NULL;
    unsigned ends[PROC_FAILED + 1] = {0};
    cap_t timer, bell;

    if (first == NULL && argc > 1) {
        seed = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
        be_wild();
        return 0;
    }
    must(object_make(OBJ_TIMER, 0, &timer), "make a timer");
    must(object_make(OBJ_NOTIFICATION, 0, &bell), "make a notification");
    must(count == NULL ? ERR_BAD_ARG : ERR_OK, "read the name");
    for (unsigned i = 0; i < strtoul(count + 1, NULL, 10); i++)
        ends[run_child((unsigned)strtoul(first + 1, NULL, 10) + i, timer, bell)]++;
    unsigned bad = restarted();
    printf("\nwild: done: %u made all requests, %u crashed, %u were killed; %u servers restarted\n",
           ends[PROC_EXITED], ends[PROC_CRASHED], ends[PROC_KILLED], bad);
    fflush(stdout);
    return bad != 0;
}
