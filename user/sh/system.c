/* SPDX-License-Identifier: MIT */
/* Commands about the machine and the kernel: mem, irq, uptime, poweroff, reboot. */
#include "commands.h"
#include "shell.h"

#include <abi/object.h>
#include <proto/dev.h>
#include <proto/mm.h>
#include <proto/proc.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

static void print_bytes(const char *what, uint64_t bytes)
{
    printf("%-20s %10llu KiB\n", what, (unsigned long long)(bytes >> 10));
}

static enum error print_processes(void)
{
    struct proc_request request = {0};
    struct proc_list_reply process;
    enum error error;

    printf("\n%-20s %10s %14s\n", "PROCESS", "USED", "QUOTA");
    while (!(error = proc_list(rt_cap("init"), &request, &process))) {
        process.name[sizeof(process.name) - 1] = 0;
        printf("%-20s %10llu KiB %10llu KiB\n", shown(process.name).text,
               (unsigned long long)(process.memory >> 10), (unsigned long long)(process.quota >> 10));
        request.process = process.process + 1;
    }
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

int command_mem(int argc, char **argv)
{
    struct mm_stats_reply stats;
    struct proto_empty none;
    enum error error = mm_stats(rt_cap("mm"), &none, &stats);

    (void)argc;
    (void)argv;
    if (error)
        return complain_error("mem", "memory", error);
    print_bytes("memory of all", stats.total);
    print_bytes("free", stats.free);
    print_bytes("used", stats.total - stats.free);
    print_bytes("  by the kernel", stats.kernel);
    printf("%-20s %10llu\n", "address spaces", (unsigned long long)stats.spaces);
    printf("%-20s %10llu\n", "page faults handled", (unsigned long long)stats.faults);
    error = print_processes();
    return !error ? 0 : complain_error("mem", "processes", error);
}

static uint64_t microseconds(uint64_t ticks)
{
    uint64_t second = rt_start->timebase > 0 ? rt_start->timebase : 1;

    return ticks / second * 1000000 + ticks % second * 1000000 / second;
}

/* What was handled in time and what was not: of a line or of a thread. Latencies are in ticks. */
struct latency {
    uint64_t hart, handled, missed, total, worst;
    uint64_t deadline; /* 0: none */
};

#define LATENCY_TITLES "HART   HANDLED  MISSED   MEAN us  WORST us  DEADLINE us"

static void print_latency(const struct latency *latency)
{
    char hart[24] = "-", deadline[24] = "-";
    uint64_t mean = latency->handled > 0 ? latency->total / latency->handled : 0;

    if (latency->hart != UINT64_MAX)
        snprintf(hart, sizeof(hart), "%llu", (unsigned long long)latency->hart);
    if (latency->deadline != 0)
        snprintf(deadline, sizeof(deadline), "%llu", (unsigned long long)microseconds(latency->deadline));
    printf("%4s %9llu %7llu %9llu %9llu %12s\n", hart, (unsigned long long)latency->handled,
           (unsigned long long)latency->missed, (unsigned long long)microseconds(mean),
           (unsigned long long)microseconds(latency->worst), deadline);
}

static void print_line(struct dev_irq_stats_reply *line)
{
    const struct latency latency = {line->hart,          line->acknowledged,  line->missed,
                                    line->total_latency, line->worst_latency, line->deadline};

    line->device[sizeof(line->device) - 1] = 0;
    line->driver[sizeof(line->driver) - 1] = 0;
    printf("%4llu %-20s %-12s ", (unsigned long long)line->line, shown(line->device).text,
           shown(line->driver).text);
    print_latency(&latency);
}

/* The threads that have a deadline, if there are any. */
static enum error print_threads(void)
{
    struct proc_request request = {0};
    struct proc_list_reply process;
    bool first = true;
    enum error error;

    while (!(error = proc_list(rt_cap("init"), &request, &process))) {
        const struct latency latency = {process.hart,          process.handled,       process.missed,
                                        process.total_latency, process.worst_latency, process.deadline};
        process.name[sizeof(process.name) - 1] = 0;
        request.process = process.process + 1;
        if (process.deadline == 0)
            continue;
        if (first) {
            printf("\n%4s %-33s %s\n", "ID", "PROCESS", LATENCY_TITLES);
            first = false;
        }
        printf("%4llu %-33s ", (unsigned long long)process.process, shown(process.name).text);
        print_latency(&latency);
    }
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

int command_irq(int argc, char **argv)
{
    struct dev_index_request request = {0};
    struct dev_irq_stats_reply line;
    enum error error;

    (void)argc;
    (void)argv;
    printf("%4s %-20s %-12s %s\n", "LINE", "DEVICE", "DRIVER", LATENCY_TITLES);
    while (!(error = dev_irq_stats(rt_cap("dev"), &request, &line))) {
        print_line(&line);
        request.index++;
    }
    if (error != ERR_NOT_FOUND)
        return complain_error("irq", "interrupt lines", error);
    error = print_threads();
    return !error ? 0 : complain_error("irq", "processes", error);
}

enum error read_kernel_info(struct kernel_info *info)
{
    return kernel_call(rt_cap("log"), OP_DEBUG_INFO, NULL, 0, (uint64_t *)info,
                       sizeof(*info) / sizeof(uint64_t));
}

int command_uptime(int argc, char **argv)
{
    struct kernel_info info = {0};
    enum error error = read_kernel_info(&info);
    char seconds[32];
    uint64_t ticks, minute = 60 * (rt_start->timebase > 0 ? rt_start->timebase : 1);

    (void)argc;
    (void)argv;
    if (error)
        return complain_error("uptime", "kernel", error);
    ticks = rt_ticks() - info.boot_time;
    format_ticks(seconds, ticks % minute);
    printf("up %llu h %llu min %s s, %llu hart%s\n", (unsigned long long)(ticks / minute / 60),
           (unsigned long long)(ticks / minute % 60), seconds, (unsigned long long)info.hart_count,
           info.hart_count == 1 ? "" : "s");
    printf("%llu interrupts, %llu timer interrupts, %llu thread switches\n",
           (unsigned long long)info.interrupts, (unsigned long long)info.timer_interrupts,
           (unsigned long long)info.switches);
    return 0;
}

static int power(const char *command, uint64_t action)
{
    struct proc_power_request request = {.action = action};
    struct proto_empty none;
    enum error error;

    fflush(stdout);
    error = proc_power(rt_cap("init"), &request, &none);
    if (error == ERR_UNSUPPORTED)
        return complain(command, "machine", "its firmware cannot do that");
    return !error ? 0 : complain_error(command, "machine", error);
}

int command_poweroff(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return power("poweroff", PROC_POWEROFF);
}

int command_reboot(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return power("reboot", PROC_REBOOT);
}
