/* SPDX-License-Identifier: MIT */
/*
 * What clients may do, as the description says it (docs/SYSTEM.md):
 *
 *   listen [tcp|udp] PORTS             connect ADDRESS[/BITS] [tcp|udp] [PORTS]
 *
 * PORTS is a number, two with a dash between them, or `any`; ADDRESS may be `any`.
 */
#include "net.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_BIT(type) (uint8_t)(1u << (type))

/* The next word of *text, which moves behind it; false: there is none, or it does not fit. */
static bool take_word(const char **text, char *word, size_t size)
{
    size_t length;

    *text += strspn(*text, " ");
    length = strcspn(*text, " ");
    if (length == 0 || length >= size)
        return false;
    memcpy(word, *text, length);
    word[length] = 0;
    *text += length;
    return true;
}

static bool parse_port(const char *text, char **end, uint16_t *port)
{
    unsigned long value = isdigit((unsigned char)*text) ? strtoul(text, end, 10) : UINT16_MAX + 1ul;

    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool parse_ports(const char *text, struct grant *grant)
{
    char *end;

    grant->first = 0;
    grant->last = UINT16_MAX;
    if (strcmp(text, "any") == 0)
        return true;
    if (!parse_port(text, &end, &grant->first))
        return false;
    grant->last = grant->first;
    return *end == 0 || (*end == '-' && parse_port(end + 1, &end, &grant->last) && *end == 0 &&
                         grant->first <= grant->last);
}

static bool parse_prefix(const char *text, const ip_addr_t *address, uint8_t *prefix)
{
    unsigned most = IP_IS_V6(address) ? 128 : 32;
    char *end;
    unsigned long bits = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : most + 1;

    *prefix = (uint8_t)bits;
    return bits <= most && *end == 0;
}

static bool parse_address(char *text, struct grant *grant)
{
    char *slash = strchr(text, '/');

    if (strcmp(text, "any") == 0) {
        grant->prefix = 0;
        return true;
    }
    if (slash != NULL)
        *slash = 0;
    if (!ipaddr_aton(text, &grant->address))
        return false;
    grant->prefix = IP_IS_V6_VAL(grant->address) ? 128 : 32;
    return slash == NULL || parse_prefix(slash + 1, &grant->address, &grant->prefix);
}

bool grant_parse(const char *text, struct grant *grant)
{
    char word[64];

    *grant = (struct grant){.types = TYPE_BIT(NET_TCP) | TYPE_BIT(NET_UDP), .last = UINT16_MAX};
    if (!take_word(&text, word, sizeof(word)))
        return false;
    grant->listen = strcmp(word, "listen") == 0;
    if (!grant->listen && strcmp(word, "connect") != 0)
        return false;
    if (!grant->listen && !(take_word(&text, word, sizeof(word)) && parse_address(word, grant)))
        return false;
    bool more = take_word(&text, word, sizeof(word));
    if (more && (strcmp(word, "tcp") == 0 || strcmp(word, "udp") == 0)) {
        grant->types = TYPE_BIT(*word == 't' ? NET_TCP : NET_UDP);
        more = take_word(&text, word, sizeof(word));
    }
    if (!more)
        return !grant->listen;
    return parse_ports(word, grant) && !take_word(&text, word, sizeof(word));
}

bool grant_listen(const struct grant *grants, unsigned count, uint64_t type, uint16_t port)
{
    for (unsigned i = 0; i < count; i++) {
        const struct grant *grant = &grants[i];
        if (grant->listen && (grant->types & TYPE_BIT(type)) && port >= grant->first && port <= grant->last)
            return true;
    }
    return false;
}

/* Whether the first `bits` bits are equal. */
static bool begins_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    return memcmp(a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0);
}

static bool covers(const struct grant *grant, const ip_addr_t *address)
{
    struct net_address a, b;

    if (grant->prefix == 0)
        return true;
    if (IP_IS_V6(address) != IP_IS_V6_VAL(grant->address))
        return false;
    address_out(&a, &grant->address, 0);
    address_out(&b, address, 0);
    return begins_equal(a.ip, b.ip, grant->prefix);
}

bool grant_connect(const struct grant *grants, unsigned count, uint64_t type, const ip_addr_t *address,
                   uint16_t port)
{
    for (unsigned i = 0; i < count; i++) {
        const struct grant *grant = &grants[i];
        bool right_port =
            port == 0 || ((grant->types & TYPE_BIT(type)) && port >= grant->first && port <= grant->last);
        if (!grant->listen && right_port && covers(grant, address))
            return true;
    }
    return false;
}
