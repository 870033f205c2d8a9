/* SPDX-License-Identifier: MIT */
/* Journals: what a writer says is lines with a time and a name that are not its own, and the newest stay. */
// sources: user/init/journal.c
#include "../../user/init/journal.h"
#include "support.h"

static char storage[1024], more[4096];
static struct journal journal;

static void set_up(void)
{
    journal = (struct journal){.text = storage, .size = sizeof(storage)};
}

TestSuite(journal, .init = set_up);

static void add(const char *text)
{
    journal_add(&journal, 1500000, "name", text, strlen(text));
}

/* All that is there, piece by piece. */
static const char *all(const struct journal *of)
{
    static char out[8192];
    size_t used = 0, count;

    for (uint64_t at = 0; (count = journal_read(of, &at, out + used, JOURNAL_LINE)) > 0; used += count)
        cr_assert_eq(out[used + count - 1], '\n', "whole lines only");
    out[used] = 0;
    return out;
}

Test(journal, each_line_has_time_and_name)
{
    add("one");
    add("two\nthree\n");
    add("");
    add("\n");
    cr_assert_str_eq(all(&journal), "[    1.500000] name: one\n[    1.500000] name: two\n"
                                    "[    1.500000] name: three\n[    1.500000] name: \n");
}

Test(journal, what_cannot_be_printed_is_shown_as_such)
{
    journal_add(&journal, 0, "n", "a\0b\r\x1b[2J\x7f\xff\t", 11);
    cr_assert_str_eq(all(&journal), "[    0.000000] n: a?b??[2J???\n");
}

Test(journal, newest_lines_stay_whole)
{
    char text[32];

    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "line %u", i);
        add(text);
    }
    const char *found = all(&journal);
    cr_assert_eq(strncmp(found, "[    1.500000] name: line ", 26), 0, "%s", found);
    unsigned first = (unsigned)atoi(found + 26);
    cr_assert_gt(first, 900);
    for (unsigned i = first; i < 1000; i++) {
        snprintf(text, sizeof(text), "line %u\n", i);
        cr_assert_not_null(strstr(found, text), "%u", i);
    }
}

Test(journal, long_line_is_cut)
{
    char text[900];

    memset(text, 'x', sizeof(text));
    journal_add(&journal, 0, "n", text, sizeof(text));
    add("next");
    const char *found = all(&journal);
    cr_assert_eq(strchr(found, '\n') - found + 1, JOURNAL_LINE);
    cr_assert_not_null(strstr(found, "] name: next\n"));
}

Test(journal, moves_behind_another)
{
    struct journal other = {.text = more, .size = sizeof(more)};

    journal_add(&other, 0, "o", "first", 5);
    add("second");
    journal_move(&journal, &other);
    cr_assert_str_eq(all(&other), "[    0.000000] o: first\n[    1.500000] name: second\n");
    cr_assert_str_eq(all(&journal), "");
}

Test(journal, any_position_is_read_from)
{
    char into[JOURNAL_LINE];

    add("a");
    for (uint64_t position = 0; position < 100; position++) {
        uint64_t at = position;
        cr_assert_leq(journal_read(&journal, &at, into, sizeof(into)), sizeof(into));
    }
    uint64_t far = UINT64_MAX;
    cr_assert_gt(journal_read(&journal, &far, into, sizeof(into)), 0);
}
