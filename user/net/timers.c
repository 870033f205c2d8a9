/* SPDX-License-Identifier: MIT */
/*
 * lwIP's timers (lwip/timeouts.h, LWIP_TIMERS_CUSTOM). Its own run for ever, ten times a second, in a system
 * where nothing goes on as well. Most of them only let tables age, which is soon enough when somebody looks
 * at these tables: while the network is quiet they stand still, and afterwards run as often as they would
 * have.
 */
#include "net.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>

#define QUIET_MS  5000 /* after so long without a frame or a request */
#define MOST_LATE 400  /* times that a timer is made good: more than any table's entries live */

static struct timer {
    u32_t interval; /* milliseconds */
    void (*handler)(void);
    u32_t due;
} timers[] = {
    {TCP_TMR_INTERVAL, tcp_tmr, 0},
    {DHCP_COARSE_TIMER_MSECS, dhcp_coarse_tmr, 0},
    {DHCP_FINE_TIMER_MSECS, dhcp_fine_tmr, 0},
    {IP_TMR_INTERVAL, ip_reass_tmr, 0},
    {IP6_REASS_TMR_INTERVAL, ip6_reass_tmr, 0},
    {ARP_TMR_INTERVAL, etharp_tmr, 0},
    {ND6_TMR_INTERVAL, nd6_tmr, 0},
    {MLD6_TMR_INTERVAL, mld6_tmr, 0},
    {DNS_TMR_INTERVAL, dns_tmr, 0},
};
#define TCP    0 /* runs while there are connections */
#define LEASE  1 /* always, while there is an interface: an address must be renewed in time */
#define ASKING 2 /* while a server of addresses is asked */
#define COUNT  (sizeof(timers) / sizeof(timers[0]))

static u32_t busy_until;
static bool tcp_runs;

static bool is_before(u32_t a, u32_t b)
{
    return (int32_t)(a - b) < 0;
}

void timers_busy(void)
{
    busy_until = sys_now() + QUIET_MS;
}

void sys_timeouts_init(void)
{
    for (unsigned i = 0; i < COUNT; i++)
        timers[i].due = sys_now() + timers[i].interval;
    timers_busy();
}

/* Whether it must run in time, though nothing goes on. */
static bool is_urgent(unsigned i, u32_t now)
{
    if (i == TCP)
        return tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL;
    if (i == LEASE || i == ASKING)
        return link_exists() && (i == LEASE || netif_dhcp_data(&link_netif)->request_timeout > 0);
    return is_before(now, busy_until) || requests_wait();
}

/* lwIP: there are connections again. Time without any does not count. */
void tcp_timer_needed(void)
{
    if (!tcp_runs)
        timers[TCP].due = sys_now() + TCP_TMR_INTERVAL;
    tcp_runs = true;
}

static void run(struct timer *timer, u32_t now)
{
    for (unsigned late = 0; !is_before(now, timer->due) && late < MOST_LATE; late++) {
        timer->handler();
        timer->due += timer->interval;
    }
    if (!is_before(now, timer->due))
        timer->due = now + timer->interval;
}

void sys_check_timeouts(void)
{
    static u32_t looked;
    u32_t now = sys_now();

    if (now == looked)
        return;
    looked = now;
    for (unsigned i = 0; i < COUNT; i++) {
        if (i != TCP || tcp_runs)
            run(&timers[i], now);
    }
    tcp_runs = is_urgent(TCP, now);
}

/* Milliseconds until a timer must run. */
u32_t sys_timeouts_sleeptime(void)
{
    u32_t now = sys_now(), least = SYS_TIMEOUTS_SLEEPTIME_INFINITE;

    for (unsigned i = 0; i < COUNT; i++) {
        u32_t sleep = is_before(timers[i].due, now) ? 0 : timers[i].due - now;
        if (is_urgent(i, now) && sleep < least)
            least = sleep;
    }
    return least;
}
