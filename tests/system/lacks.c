/* SPDX-License-Identifier: MIT */
/*
 * A process whose sessions all lack one right, whose number its name ends with (lack3 lacks 1 << 3): tries
 * every operation that needs it, of every protocol and server. Each must be denied, before anything else is
 * looked at. The tables are those of include/proto, so no operation can be forgotten.
 */
#include <proto/blk.h>
#include <proto/console.h>
#include <proto/dev.h>
#include <proto/fs.h>
#include <proto/gpio.h>
#include <proto/mm.h>
#include <proto/proc.h>
#include <rt/rt.h>
#include <string.h>

struct row {
    const char *name;
    uint32_t number, right;
    size_t request_size, reply_size;
};

#define OPERATION(number, name, request, reply, right) {#name, number, right, sizeof(request), sizeof(reply)},
#define TABLE(name, OPS) static const struct row name[] = {OPS(OPERATION){0}};
TABLE(blk, BLK_OPS)
TABLE(console, CONSOLE_OPS)
TABLE(dev, DEV_OPS)
TABLE(fs, FS_OPS)
TABLE(gpio, GPIO_OPS)
TABLE(mm, MM_OPS)
TABLE(proc, PROC_OPS)

static const struct {
    const char *name;
    const struct row *operations;
} servers[] = {{"mm", mm},   {"init", proc},      {"dev", dev},    {"console", console},
               {"gpio", gpio}, {"virtio-blk", blk}, {"sd-spi", blk}, {"fs", fs}};

static unsigned tries, granted;

static void attempt(const char *server, uint32_t number, const char *name, size_t request_size,
                    size_t reply_size)
{
    uint64_t request[MSG_MAX_WORDS] = {0}, reply[MSG_MAX_WORDS];
    enum error error =
        proto_call(rt_cap(server), number, request, request_size, reply, reply_size, NULL, 0, NULL, 0, NULL);

    tries++;
    if (error == ERR_DENIED)
        return;
    granted++;
    rt_log("%s of %s: %s", name, server, error ? error_text(error) : "done");
}

int main(void)
{
    unsigned bit = 0;

    for (const char *digit = rt_name() + strcspn(rt_name(), "0123456789"); *digit != 0; digit++)
        bit = bit * 10 + (unsigned)(*digit - '0');
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        for (const struct row *op = servers[i].operations; op->name != NULL; op++) {
            if (op->right >> bit & 1)
                attempt(servers[i].name, op->number, op->name, op->request_size, op->reply_size);
        }
        if (1u << bit == PROTO_MANAGE)
            attempt(servers[i].name, OP_CLIENT_GONE, "client_gone", sizeof(struct proto_client_gone), 0);
    }
    rt_log("%u tries, %u granted", tries, granted);
}
