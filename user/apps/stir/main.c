/* SPDX-License-Identifier: MIT */
/* Unrest, for tests under load. What it does is in the name of the process: "kill...", "read...",
 * "spin...". */
#include <abi/object.h>
#include <base/crc32c.h>
#include <client/fs.h>
#include <proto/proc.h>
#include <rt/rt.h>

#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES   16384
#define MIN_PAUSE_US  100000
#define VARY_PAUSE_US 1500000
#define PEACE_US      5000000 /* before the first */

static const char *const victims[] = {"fs", "virtio-blk", "console", "dev"};
#define VICTIMS (sizeof(victims) / sizeof(victims[0]))

/* Sleeps; where it cannot make a timer, the process ends. */
static void pause_us(uint64_t us)
{
    static cap_t timer, bell;

    if (timer == 0 &&
        (object_make(OBJ_TIMER, 0, &timer) || object_make(OBJ_NOTIFICATION, 0, &bell))) {
        rt_fail("cannot make a timer");
    }
    timer_set(timer, bell, rt_ticks() + rt_ticks_of_us(us), 0);
    notification_wait(bell);
}

/* Number of the running process of that name, 0 when there is none. */
static uint64_t find(const char *name)
{
    struct proc_request request = {0};
    struct proc_list_reply process;

    while (!proc_list(rt_cap("init"), &request, &process)) {
        if (process.state == PROC_RUNNING && strncmp(process.name, name, sizeof(process.name)) == 0)
            return process.process;
        request.process = process.process + 1;
    }
    return 0;
}

/* Ends servers, at random moments. */
static void kill_servers(void)
{
    struct proto_empty none;

    pause_us(PEACE_US);
    for (;;) {
        pause_us(MIN_PAUSE_US + (uint64_t)rand() % VARY_PAUSE_US);
        struct proc_request request = {find(victims[(unsigned)rand() % VICTIMS])};
        if (request.process != 0)
            proc_kill(rt_cap("init"), &request, &none);
    }
}

/* Reads a whole file and gives its checksum. */
static enum error read_file(const char *path, uint32_t *crc)
{
    uint64_t handle, position = 0;
    const void *data;
    size_t count = 1;
    enum error error = file_open(path, 0, 0, &handle, NULL);

    *crc = ~0u;
    if (error)
        return error;
    while (count > 0 && !(error = file_read_shared(handle, position, PIECE_BYTES, &data, &count))) {
        *crc = crc32c(*crc, data, count);
        position += count;
    }
    file_close(handle);
    return error;
}

/* Reads the same file over and over. Says when it differs, when reading fails for long, and now and then how
 * it goes. */
static void read_over_and_over(void)
{
    static const char path[] = "/big.txt";
    uint32_t crc, first = 0;
    unsigned good = 0, failed = 0, in_a_row = 0;

    for (;;) {
        enum error error = read_file(path, &crc);
        if (!error) {
            first = good++ == 0 ? crc : first;
            if (crc != first)
                rt_log("%s: checksum %08x instead of %08x", path, (unsigned)crc, (unsigned)first);
            in_a_row = 0;
        } else if (failed++, ++in_a_row % 100 == 0) {
            rt_log("%s: %s, for the %uth time in a row", path, error_text(error), in_a_row);
        }
        if ((good + failed) % 50 == 0)
            rt_log("%s: %u good, %u failed, checksum %08x", path, good, failed, (unsigned)first);
        pause_us(!error ? 20000 : 100000);
    }
}

int main(void)
{
    volatile uint64_t turns = 0;

    srand((unsigned)rt_start->process);
    if (strncmp(rt_name(), "kill", 4) == 0)
        kill_servers();
    else if (strncmp(rt_name(), "read", 4) == 0)
        read_over_and_over();
    while (strncmp(rt_name(), "spin", 4) == 0)
        turns++;
    return 0;
}
