/* SPDX-License-Identifier: MIT */
/* Addresses as text: what is read, what is refused, and that both ways agree with the C library's. */
// sources: lib/client/net_address.c
#include <arpa/inet.h>
#include <client/net.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *text, const char *written)
{
    struct net_address address = {0};
    char shown[NET_TEXT];

    cr_assert(net_parse(text, &address), "%s is not read", text);
    net_format(shown, &address);
    cr_assert_str_eq(shown, written);
}

Test(net_address, what_is_read_is_written)
{
    expect("10.0.2.15", "10.0.2.15");
    expect("255.255.255.255:65535", "255.255.255.255:65535");
    expect("::", "::");
    expect("::1", "::1");
    expect("1::", "1::");
    expect("fe80::5054:ff:fe12:3456", "fe80::5054:ff:fe12:3456");
    expect("FE80:0:0:0:5054:0FF:FE12:3456", "fe80::5054:ff:fe12:3456");
    expect("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    expect("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
    expect("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
    expect("::ffff:10.0.0.1", "::ffff:a00:1");
    expect("[::1]:80", "[::1]:80");
    expect("[fe80::1]", "fe80::1");
}

Test(net_address, what_is_none_is_refused)
{
    static const char *const bad[] = {
        "",
        "10",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.2",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1 ",
        "a.b.c.d",
        ":",
        ":1",
        "1:",
        "1:2",
        ":::",
        "1::2::3",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "[::1",
        "::1]",
        "[::1]80",
        "[10.0.0.1]x",
        "::1.2.3",
        "0x10.1.1.1",
        "1:2:3:4:5:6:7:1.2.3.4",
    };
    struct net_address address = {.port = 7};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert(!net_parse(bad[i], &address), "'%s' is read", bad[i]);
    cr_assert(address.port == 7 && address.family == NET_ANY, "nothing has changed");
}

Test(net_address, writes_as_the_c_library_does)
{
    char ours[NET_TEXT], theirs[INET6_ADDRSTRLEN];

    srandom(1);
    for (unsigned round = 0; round < 200000; round++) {
        struct net_address address = {.family = NET_IPV6}, again = {0};
        for (unsigned i = 0; i < 16; i++)
            address.ip[i] = random() % 3 ? 0 : (uint8_t)random();
        /* The C library writes ::a.b.c.d for those of the old kind (RFC 5952, section 5). */
        if (memcmp(address.ip, "\0\0\0\0\0\0\0\0\0\0", 10) == 0)
            address.ip[0] = 0x20;
        net_format(ours, &address);
        cr_assert_not_null(inet_ntop(AF_INET6, address.ip, theirs, sizeof(theirs)));
        cr_assert_str_eq(ours, theirs);
        cr_assert(net_parse(ours, &again));
        cr_assert_arr_eq(again.ip, address.ip, 16);
    }
}
