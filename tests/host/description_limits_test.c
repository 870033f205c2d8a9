/* SPDX-License-Identifier: MIT */
/* The system description: what servers limit their clients to. */
// sources: user/init/description.c user/init/uses.c user/init/order.c
#include "description_world.h"

static void expect(const struct description_grant *grant, const char *server, unsigned n, const char *text)
{
    const char *found = description_limit(grant, server, n);

    if (text == NULL)
        cr_assert_null(found, "%s %u is '%s'", server, n, found);
    else
        cr_assert(found != NULL && strcmp(found, text) == 0, "%s %u is '%s'", server, n, found);
}

Test(description_limits, each_server_has_its_own)
{
    check(CORE "a { " COMMON "limits = \"net listen 80\", \"fs /www\", \"net connect any\", \"network x\";"
               "programs { " COMMON "limits = \"net connect 10.0.0.0/8\"; }; }; b { " COMMON "};",
          "a b ", "");
    const struct description_process *a = process("a"), *b = process("b");
    expect(&a->own, "net", 0, "listen 80");
    expect(&a->own, "net", 1, "connect any");
    expect(&a->own, "net", 2, NULL);
    expect(&a->own, "network", 0, "x");
    expect(&a->own, "ne", 0, NULL);
    expect(&a->own, "fs", 0, "/www");
    expect(&a->programs, "net", 0, "connect 10.0.0.0/8");
    expect(&a->programs, "fs", 0, NULL);
    expect(&b->own, "net", 0, NULL);
}

Test(description_limits, what_says_nothing_is_a_mistake)
{
    static const char *const bad[] = {"net", "net ", " listen 80", ""};
    char nodes[512], expected[256];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(nodes, sizeof(nodes), CORE "a { " COMMON "limits = \"%s\"; };", bad[i]);
        snprintf(expected, sizeof(expected),
                 "system.dtb: a: limits \"%s\" is not a server and words for it\n", bad[i]);
        check(nodes, "", expected);
    }
    check(CORE "a { " COMMON "limits = <1 2>; };", "", "system.dtb: a: limits are not a list of strings\n");
    check(CORE "a { " COMMON "limits = [61 20 62]; };", "",
          "system.dtb: a: limits are not a list of strings\n");
    check(CORE "a { " COMMON "limits; };", "", "system.dtb: a: limits are not a list of strings\n");
}

Test(description_limits, more_than_there_is_room_for)
{
    char nodes[1024], text[DESCRIPTION_LIMITS + 1];

    memset(text, 'x', sizeof(text));
    memcpy(text, "net ", 4);
    text[DESCRIPTION_LIMITS - 2] = 0; /* with its end and that of the list: all of the room */
    snprintf(nodes, sizeof(nodes), CORE "a { " COMMON "limits = \"%s\"; };", text);
    check(nodes, "a ", "");
    text[DESCRIPTION_LIMITS - 2] = 'x';
    text[DESCRIPTION_LIMITS - 1] = 0;
    snprintf(nodes, sizeof(nodes), CORE "a { " COMMON "limits = \"%s\"; };", text);
    check(nodes, "", "system.dtb: a: limits have more than 383 characters\n");
}
