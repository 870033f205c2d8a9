/* SPDX-License-Identifier: MIT */
/* The state of the system as JSON: processes, memory, network. */
#include "httpd.h"

#include <inttypes.h>
#include <proto/mm.h>
#include <proto/proc.h>
#include <rt/rt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES 65536

struct text {
    char *bytes;
    size_t length;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *text, const char *format, ...)
{
    size_t room = MOST_BYTES - text->length;
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->bytes + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* A string, with what JSON cannot have in one left out. */
static void put_string(struct text *text, const char *string, size_t size)
{
    put(text, "\"");
    for (size_t i = 0; i < size && string[i] != 0; i++) {
        if (string[i] >= ' ' && string[i] <= '~' && string[i] != '"' && string[i] != '\\')
            put(text, "%c", string[i]);
    }
    put(text, "\"");
}

static uint64_t milliseconds(uint64_t ticks)
{
    return ticks / (rt_start->timebase / 1000);
}

static void put_processes(struct text *text)
{
    struct proc_request request = {0};
    struct proc_list_reply process;

    put(text, "\"processes\":[");
    while (!proc_list(START_PROC, &request, &process)) {
        put(text, "%s{\"id\":%" PRIu64 ",\"name\":", request.process == 0 ? "" : ",", process.process);
        put_string(text, process.name, sizeof(process.name));
        put(text,
            ",\"state\":%" PRIu64 ",\"priority\":%" PRIu64 ",\"cpu_ms\":%" PRIu64 ",\"memory\":%" PRIu64
            ",\"restarts\":%" PRIu64 "}",
            process.state, process.priority, milliseconds(process.cpu_time), process.memory,
            process.restarts);
        request.process = process.process + 1;
    }
    put(text, "]");
}

static void put_network(struct text *text)
{
    struct net_interface_reply interface = {0};
    struct net_statistics_reply statistics = {0};
    char address[NET_TEXT];

    if (net_describe(0, &interface) || net_count(&statistics))
        return;
    struct net_address ip = {.family = NET_IPV4};
    memcpy(ip.ip, interface.ip, 4);
    net_format(address, &ip);
    put(text,
        ",\"network\":{\"address\":\"%s\",\"received\":%" PRIu64 ",\"sent\":%" PRIu64
        ",\"tcp_received\":%" PRIu64 ",\"tcp_sent\":%" PRIu64 ",\"driver_restarts\":%" PRIu64 "}",
        address, interface.received_bytes, interface.sent_bytes, statistics.tcp.received, statistics.tcp.sent,
        interface.driver_restarts);
}

char *status_text(size_t *length)
{
    struct text text = {.bytes = malloc(MOST_BYTES)};
    struct mm_stats_reply memory = {0};

    if (text.bytes == NULL)
        return NULL;
    put(&text, "{\"uptime_ms\":%" PRIu64 ",", milliseconds(rt_ticks()));
    if (!mm_stats(START_MM, NULL, &memory))
        put(&text, "\"memory\":{\"total\":%" PRIu64 ",\"free\":%" PRIu64 "},", memory.total, memory.free);
    put_processes(&text);
    put_network(&text);
    put(&text, "}\n");
    *length = text.length;
    return text.bytes;
}
