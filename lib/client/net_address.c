/* SPDX-License-Identifier: MIT */
/* Addresses as text (RFC 4291, section 2.2; written as RFC 5952 says). */
#include "net.h"

#include <stdio.h>
#include <string.h>

#define NO_GAP 17 /* no :: has come */

/* --- Reading --- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 99;
}

/* A number of at most `digits` digits; false when there is none. Moves *text behind it. */
static bool read_number(const char **text, unsigned radix, unsigned digits, unsigned most, unsigned *value)
{
    unsigned count = 0;

    for (*value = 0; count < digits && digit(**text) < (int)radix; count++)
        *value = *value * radix + (unsigned)digit(*(*text)++);
    return count > 0 && *value <= most && digit(**text) >= (int)radix;
}

static bool read_ipv4(const char **text, uint8_t ip[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned value;
        if ((i > 0 && *(*text)++ != '.') || !read_number(text, 10, 3, 255, &value))
            return false;
        ip[i] = (uint8_t)value;
    }
    return true;
}

/* One group of four digits, or an IPv4 address at the end. Returns how many bytes it is; 0: it is neither. */
static unsigned read_group(const char **text, uint8_t *to, unsigned room)
{
    const char *from = *text;
    unsigned value;

    if (room >= 4 && read_ipv4(text, to))
        return 4;
    *text = from;
    if (room < 2 || !read_number(text, 16, 4, 0xffff, &value))
        return 0;
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return 2;
}

static bool read_ipv6(const char **text, uint8_t ip[16])
{
    unsigned count = 0, gap = NO_GAP;
    bool first = true;

    memset(ip, 0, 16);
    for (;; first = false) {
        if ((*text)[0] == ':' && (*text)[1] == ':' && gap == NO_GAP) {
            gap = count;
            *text += 2;
            if (digit(**text) > 15)
                break;
        } else if (!first) {
            if (**text != ':')
                break;
            ++*text;
        }
        unsigned length = read_group(text, ip + count, 16 - count);
        if (length == 0)
            return false;
        count += length;
    }
    if (gap == NO_GAP)
        return count == 16;
    if (count > 14)
        return false;
    memmove(ip + 16 - (count - gap), ip + gap, count - gap);
    memset(ip + gap, 0, 16 - count);
    return true;
}

bool net_parse(const char *text, struct net_address *address)
{
    struct net_address read = {.port = address->port};
    bool bracket = *text == '[';
    const char *at = text + bracket;
    unsigned port;

    read.family = NET_IPV4;
    if (bracket || !read_ipv4(&at, read.ip)) {
        at = text + bracket;
        read.family = NET_IPV6;
        if (!read_ipv6(&at, read.ip) || (bracket && *at++ != ']'))
            return false;
    }
    if (*at == ':' && (bracket || read.family == NET_IPV4)) {
        at++;
        if (!read_number(&at, 10, 5, UINT16_MAX, &port))
            return false;
        read.port = (uint16_t)port;
    }
    if (*at != 0)
        return false;
    *address = read;
    return true;
}

/* --- Writing --- */

static unsigned group(const struct net_address *address, unsigned i)
{
    return (unsigned)address->ip[2 * i] << 8 | address->ip[2 * i + 1];
}

/* Where the longest run of zero groups begins and how long it is; the first of equals, none of length 1. */
static unsigned zero_run(const struct net_address *address, unsigned *longest)
{
    unsigned start = 8, length = 0;

    *longest = 1;
    for (unsigned i = 0; i < 8; i++) {
        length = group(address, i) == 0 ? length + 1 : 0;
        if (length > *longest) {
            *longest = length;
            start = i + 1 - length;
        }
    }
    return start;
}

static void write_ipv6(char text[NET_TEXT], const struct net_address *address)
{
    unsigned length, start = zero_run(address, &length);
    size_t at = 0;

    text[0] = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i == start) {
            at += (size_t)snprintf(text + at, NET_TEXT - at, "::");
            i += length - 1;
            continue;
        }
        const char *colon = at == 0 || text[at - 1] == ':' ? "" : ":";
        at += (size_t)snprintf(text + at, NET_TEXT - at, "%s%x", colon, group(address, i));
    }
}

void net_format(char text[NET_TEXT], const struct net_address *address)
{
    const uint8_t *ip = address->ip;
    char plain[NET_TEXT] = "*";

    if (address->family == NET_IPV4)
        snprintf(plain, sizeof(plain), "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    else if (address->family == NET_IPV6)
        write_ipv6(plain, address);
    if (address->port == 0)
        snprintf(text, NET_TEXT, "%.50s", plain);
    else
        snprintf(text, NET_TEXT, address->family == NET_IPV6 ? "[%.50s]:%u" : "%.50s:%u", plain,
                 address->port);
}
