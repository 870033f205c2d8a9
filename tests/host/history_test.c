/* SPDX-License-Identifier: MIT */
/* The shell's history. */
// sources: user/sh/history.c
// flags: -Iuser/sh
#include "support.h"

#include <history.h>

static bool add(struct history *history, const char *line)
{
    return history_add(history, line, strlen(line));
}

Test(history, keeps_lines_in_order)
{
    char storage[64];
    struct history history;

    history_init(&history, storage, sizeof(storage));
    cr_assert_null(history_line(&history, 0));
    cr_assert(add(&history, "one"));
    cr_assert(add(&history, "two"));
    cr_assert(add(&history, "one"));
    cr_assert_eq(history.count, 3);
    cr_assert_str_eq(history_line(&history, 0), "one");
    cr_assert_str_eq(history_line(&history, 1), "two");
    cr_assert_str_eq(history_line(&history, 2), "one");
    cr_assert_null(history_line(&history, 3));
}

Test(history, no_blanks_and_no_repetitions)
{
    char storage[64];
    struct history history;

    history_init(&history, storage, sizeof(storage));
    cr_assert(!add(&history, ""));
    cr_assert(!add(&history, " \t "));
    cr_assert(add(&history, "ls"));
    cr_assert(!add(&history, "ls"));
    cr_assert(add(&history, "ls -l"));
    cr_assert(add(&history, "ls"));
    cr_assert_eq(history.count, 3);
}

Test(history, oldest_make_room)
{
    char *storage = malloc(16);
    struct history history;

    history_init(&history, storage, 16);
    cr_assert(add(&history, "aaaa"));
    cr_assert(add(&history, "bbbb"));
    cr_assert(add(&history, "cccc"));
    cr_assert_eq(history.count, 3);
    cr_assert(add(&history, "dddddd"));
    cr_assert_eq(history.count, 2);
    cr_assert_eq(history.dropped, 2);
    cr_assert_str_eq(history_line(&history, 0), "cccc");
    cr_assert_str_eq(history_line(&history, 1), "dddddd");
    cr_assert(!add(&history, "sixteen bytes...."), "longer than everything");
    cr_assert_eq(history.count, 2, "and nothing has gone for it");
    cr_assert(add(&history, "fifteen bytes.."));
    cr_assert_eq(history.count, 1);
    free(storage);
}

Test(history, walk_there_and_back)
{
    char storage[64], *draft = malloc(8);
    struct history history;
    struct history_walk walk = {.history = &history, .draft = draft};
    size_t length;

    history_init(&history, storage, sizeof(storage));
    history_walk_start(&walk);
    cr_assert_null(history_older(&walk, "x", 1, &length));
    cr_assert_null(history_newer(&walk, &length));
    add(&history, "old");
    add(&history, "newest");
    cr_assert_str_eq(history_older(&walk, "draft", 5, &length), "newest");
    cr_assert_eq(length, 6);
    cr_assert_str_eq(history_older(&walk, "newest!", 7, &length), "old");
    cr_assert_null(history_older(&walk, "old", 3, &length));
    cr_assert_str_eq(history_newer(&walk, &length), "newest");
    const char *line = history_newer(&walk, &length);
    cr_assert_eq(length, 5);
    cr_assert_eq(memcmp(line, "draft", 5), 0);
    cr_assert_null(history_newer(&walk, &length));
    free(draft);
}

Test(history, any_lines_any_storage)
{
    uint64_t random = 42;

    for (int round = 0; round < 300; round++) {
        size_t size = 1 + random_below(&random, 200);
        char *storage = malloc(size), line[256], last[256] = "";
        struct history history;
        history_init(&history, storage, size);
        for (int i = 0; i < 100; i++) {
            size_t length = random_below(&random, 40);
            memset(line, 'a' + (int)random_below(&random, 3), length);
            line[length] = 0;
            bool wanted = length > 0 && length < size && strcmp(line, last) != 0;
            cr_assert_eq(add(&history, line), wanted);
            if (wanted)
                strcpy(last, line);
            cr_assert_leq(history.used, size);
            if (last[0] != 0)
                cr_assert_str_eq(history_line(&history, history.count - 1), last);
        }
        free(storage);
    }
}
