/* SPDX-License-Identifier: MIT */
/* Time for lwIP, random numbers, and the one timer. */
#include "net.h"

#include <base/xtea.h>
#include <hooks.h>
#include <lwip/sys.h>
#include <string.h>

static cap_t timer, timer_signal;
static uint64_t timer_due = NEVER;

void time_init(cap_t notification)
{
    timer_signal = slot_alloc();
    if (timer_signal == 0 || object_make(OBJ_TIMER, 0, &timer) ||
        cnode_mint(START_CNODE, timer_signal, 0, notification, RIGHT_SIGNAL, SIGNAL_TIMER)) {
        rt_fail("no memory for a timer");
    }
}

void time_wake_at(uint64_t due)
{
    if (due >= timer_due)
        return;
    timer_due = due;
    timer_set(timer, timer_signal, due, 0);
}

bool time_is_set_within(uint64_t ms)
{
    return timer_due < rt_ticks() + ticks_of_ms(ms);
}

void time_signalled(void)
{
    timer_due = NEVER;
}

uint64_t ticks_of_ms(uint64_t ms)
{
    return rt_ticks_of_us(ms * 1000);
}

/* For lwIP: milliseconds, over and over. */
u32_t sys_now(void)
{
    return (u32_t)(rt_ticks() / (rt_start->timebase / 1000));
}

/* A key that is made of when it was used. */
static void stir(uint32_t key[4])
{
    static uint64_t count;

    count++;
    key[count % 4] = key[count % 4] * 0x9e3779b1u + (uint32_t)rt_ticks();
}

/* The count of calls, enciphered. */
uint32_t random32(void)
{
    static uint32_t key[4];
    static uint64_t count;

    stir(key);
    return (uint32_t)xtea_encipher(++count, key);
}

u32_t first_sequence_number(const ip_addr_t *local, u16_t local_port, const ip_addr_t *peer, u16_t peer_port)
{
    static uint32_t secret[4];
    struct net_address from, to;
    uint64_t word[4], mix = 0;

    while (secret[0] == 0 || secret[1] == 0 || secret[2] == 0 || secret[3] == 0)
        for (unsigned i = 0; i < 4; i++)
            secret[i] = random32();
    address_out(&from, local, local_port);
    address_out(&to, peer, peer_port);
    memcpy(word, from.ip, 16);
    memcpy(word + 2, to.ip, 16);
    for (unsigned i = 0; i < 4; i++)
        mix = xtea_encipher(mix ^ word[i], secret);
    mix = xtea_encipher(mix ^ (uint64_t)local_port << 16 ^ peer_port, secret);
    return (u32_t)(mix + rt_ticks() * 250000 / rt_start->timebase);
}

void lwip_failed(const char *message, const char *file, int line)
{
    rt_fail("lwIP: %s (%s:%d)", message, file, line);
}
