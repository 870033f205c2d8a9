/* SPDX-License-Identifier: MIT */
/* Shows interfaces with their addresses (`ip`), and what the network has counted (`ip -s`). */
#include <client/net.h>
#include <rt/rt.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IPV6_VALID     0x10
#define IPV6_PREFERRED 0x30

static unsigned prefix_of(const uint8_t mask[4])
{
    unsigned bits = 0;

    while (bits < 32 && mask[bits / 8] >> (7 - bits % 8) & 1)
        bits++;
    return bits;
}

static struct net_address ipv4(const uint8_t ip[4])
{
    struct net_address address = {.family = NET_IPV4};

    memcpy(address.ip, ip, 4);
    return address;
}

static void print_ipv4(const char *title, const uint8_t ip[4])
{
    static const uint8_t none[4];
    struct net_address address = ipv4(ip);
    char text[NET_TEXT];

    net_format(text, &address);
    if (memcmp(ip, none, 4) != 0)
        printf("    %s %s\n", title, text);
}

static void print_ipv6(const struct net_interface_reply *interface, unsigned i)
{
    struct net_address address = {.family = NET_IPV6};
    char text[NET_TEXT];

    memcpy(address.ip, interface->ip6[i], sizeof(address.ip));
    net_format(text, &address);
    if (interface->ip6_state[i] & IPV6_PREFERRED)
        printf("    inet6 %s%s\n", text, interface->ip6_state[i] & IPV6_VALID ? "" : " tentative");
}

static void print_interface(struct net_interface_reply *interface)
{
    struct net_address address = ipv4(interface->ip);
    const uint8_t *h = interface->hardware;
    char text[NET_TEXT];

    interface->name[sizeof(interface->name) - 1] = 0;
    printf("%s: %s%s", interface->name, interface->flags & NET_UP ? "up" : "down",
           interface->flags & NET_LINK_UP ? "" : ", no link");
    if (interface->mtu > 0)
        printf(", mtu %" PRIu64, interface->mtu);
    printf("\n");
    if (strcmp(interface->name, "lo") != 0)
        printf("    ether %02x:%02x:%02x:%02x:%02x:%02x\n", h[0], h[1], h[2], h[3], h[4], h[5]);
    net_format(text, &address);
    if (memcmp(interface->ip, "\0\0\0", 4) != 0)
        printf("    inet %s/%u%s\n", text, prefix_of(interface->mask),
               interface->flags & NET_DHCP ? " dhcp" : "");
    print_ipv4("gateway", interface->gateway);
    print_ipv4("names", interface->server);
    for (unsigned i = 0; i < 3; i++)
        print_ipv6(interface, i);
}

static void print_counters(const struct net_interface_reply *interface)
{
    printf("    received %" PRIu64 " frames, %" PRIu64 " bytes, dropped %" PRIu64 "\n",
           interface->received_frames, interface->received_bytes, interface->received_dropped);
    printf("    sent %" PRIu64 " frames, %" PRIu64 " bytes, dropped %" PRIu64 "\n", interface->sent_frames,
           interface->sent_bytes, interface->sent_dropped);
    printf("    driver restarted %" PRIu64 " times\n", interface->driver_restarts);
}

static void print_protocol(const char *name, const struct net_counters *counters)
{
    printf("%-5s received %" PRIu64 ", sent %" PRIu64 ", dropped %" PRIu64 ", checksum errors %" PRIu64
           ", other errors %" PRIu64 "\n",
           name, counters->received, counters->sent, counters->dropped, counters->checksum_errors,
           counters->protocol_errors);
}

static enum error print_statistics(void)
{
    struct net_statistics_reply statistics;
    enum error error = net_count(&statistics);

    if (error)
        return error;
    print_protocol("arp", &statistics.arp);
    print_protocol("ip", &statistics.ip);
    print_protocol("ip6", &statistics.ip6);
    print_protocol("icmp", &statistics.icmp);
    print_protocol("udp", &statistics.udp);
    print_protocol("tcp", &statistics.tcp);
    printf("memory %" PRIu64 " of %" PRIu64 " bytes, requests refused %" PRIu64 "\n", statistics.memory_used,
           statistics.memory, statistics.refused);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    bool counters = argc == 2 && strcmp(argv[1], "-s") == 0;
    struct net_interface_reply interface;
    enum error error;

    if (argc > 1 && !counters) {
        fprintf(stderr, "usage: ip [-s]\n");
        return 2;
    }
    for (uint64_t i = 0; !(error = net_describe(i, &interface)); i++) {
        print_interface(&interface);
        if (counters && interface.hardware[0] + interface.hardware[5] != 0)
            print_counters(&interface);
    }
    if (error == ERR_NOT_FOUND)
        error = counters ? print_statistics() : ERR_OK;
    if (error)
        fprintf(stderr, "ip: %s\n", error_text(error));
    return !error ? 0 : 1;
}
