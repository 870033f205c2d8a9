/* SPDX-License-Identifier: MIT */
/* Completion, with a line editor and a file system that is a table; and lists of names. */
// sources: user/sh/complete.c user/sh/names.c user/sh/parse.c user/sh/lineedit.c user/sh/lineview.c
// sources: user/sh/keys.c user/sh/history.c user/sh/utf8.c user/sh/widths.c
// flags: -Iuser/sh
#include "support.h"

#include <complete.h>
#include <parse.h>

#define CAPACITY 512

struct file {
    const char *directory, *name;
    bool is_directory;
};

static const struct file files[] = {
    {"", "bin", true},
    {"", "big.txt", false},
    {"", "my file", false},
    {"", ".hidden", false},
    {"", "..", true},
    {"", ".", true},
    {"", "it's", false},
    {"", "a$b\"c", false},
    {"",
     "\xc3\xa4"
     "pfel",
     false},
    {"", "\xc3\xb6l", false},
    {"", "new\nline", false},
    {"/bin/", "hello", false},
    {"/bin/", "help-me", false},
    {"/", "etc", true},
    {"sub dir/", "one", false},
    {"sub dir/", "only", true},
    {"", "sub dir", true},
};

static char output[65536];
static size_t output_length;
static struct line_editor editor;
static struct history history;
static char text[CAPACITY], draft[CAPACITY], words[CAPACITY], lines[64];

static void on_write(void *context, const char *bytes, size_t count)
{
    (void)context;
    cr_assert_leq(count, sizeof(output) - 1 - output_length);
    memcpy(output + output_length, bytes, count);
    output_length += count;
    output[output_length] = 0;
}

static enum completion_kind kind(void *context, const char *command, unsigned index)
{
    static const struct {
        const char *command;
        enum completion_kind kind;
    } kinds[] = {{"help", COMPLETE_BUILTINS},
                 {"kill", COMPLETE_PROCESSES},
                 {"run", COMPLETE_PROGRAMS},
                 {"cd", COMPLETE_DIRECTORIES}};

    (void)context;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].command, command) == 0 && (index == 1 || kinds[i].kind != COMPLETE_PROGRAMS))
            return kinds[i].kind;
    }
    return COMPLETE_FILES;
}

static void list_names(void *context, enum completion_kind which, struct completion *completion)
{
    static const char *const names[][8] = {
        [COMPLETE_COMMANDS] = {"ls", "cat", "caps", "cd", "clear", "help", "help"},
        [COMPLETE_BUILTINS] = {"ls", "help"},
        [COMPLETE_PROCESSES] = {"virtio-blk", "fs"},
        [COMPLETE_PROGRAMS] = {"hello", "help-me"},
    };

    (void)context;
    cr_assert_lt(which, COMPLETE_FILES);
    for (const char *const *name = names[which]; *name != NULL; name++)
        completion_add(completion, *name, strlen(*name), false);
}

/* When set, the only file of all directories. */
static const struct file *only;

static void list_files(void *context, const char *directory, bool only_directories,
                       struct completion *completion)
{
    (void)context;
    if (only != NULL) {
        completion_add(completion, only->name, strlen(only->name), only->is_directory);
        return;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(files[i].directory, directory) == 0 && (files[i].is_directory || !only_directories))
            completion_add(completion, files[i].name, strlen(files[i].name), files[i].is_directory);
    }
}

static struct completer completer = {
    .source = {.kind = kind, .names = list_names, .files = list_files},
    .storage = words,
    .size = sizeof(words),
};

static void on_tab(void *context, struct line_editor *which, bool again)
{
    (void)context;
    complete_line(&completer, which, again);
}

static const struct line_hooks hooks = {.write = on_write, .complete = on_tab};

static void start(void)
{
    output_length = 0;
    history_init(&history, lines, sizeof(lines));
    line_editor_init(&editor, text, draft, CAPACITY, &history, &hooks);
    line_editor_start(&editor, "$ ");
}

/* The line after these keys. */
static const char *after(const char *keys)
{
    start();
    while (*keys)
        line_editor_feed(&editor, (uint8_t)*keys++);
    text[editor.length] = 0;
    return text;
}

static bool rang(void)
{
    return strchr(output, '\a') != NULL;
}

Test(complete, what_the_command_takes)
{
    cr_assert_str_eq(after("help l\t"), "help ls ");
    cr_assert_str_eq(after("ls; kill v\t"), "ls; kill virtio-blk ");
    cr_assert_str_eq(after("kill fs v\t"), "kill fs virtio-blk ");
    cr_assert_str_eq(after("run hello bin\t"), "run hello bin/");
    cr_assert_str_eq(after("run hel\t"), "run hel");
    cr_assert_str_eq(after("run hell\t"), "run hello ");
    cr_assert_str_eq(after("run bin\t"), "run bin/");
    cr_assert_str_eq(after("run /bin/hello big\t"), "run /bin/hello big.txt ");
    cr_assert_str_eq(after("cd b\t"), "cd bin/");
    cr_assert_str_eq(after("cd 'sub dir/o\t"), "cd 'sub dir/only/");
    /* Nothing of what these take has a slash. */
    cr_assert_str_eq(after("kill /bin/h\t"), "kill /bin/h");
    cr_assert(rang());
    cr_assert_str_eq(after("help /bin/hello\t"), "help /bin/hello");
    cr_assert_str_eq(after("kill big\t"), "kill big");
}

Test(complete, first_word_is_a_command)
{
    cr_assert_str_eq(after("he\t"), "help ");
    cr_assert_str_eq(after("l\t"), "ls ");
    cr_assert_str_eq(after("ls;cl\t"), "ls;clear ");
    cr_assert_str_eq(after("  ca\t"), "  ca");
    cr_assert(rang(), "cat and caps have no more in common");
    cr_assert_str_eq(after("nothing\t"), "nothing");
    cr_assert(rang());
}

Test(complete, other_words_are_paths)
{
    cr_assert_str_eq(after("cat bi\t"), "cat bi");
    cr_assert_str_eq(after("cat big\t"), "cat big.txt ");
    cr_assert_str_eq(after("ls bin\t"), "ls bin/");
    cr_assert_str_eq(after("cat /bin/hell\t"), "cat /bin/hello ");
    cr_assert_str_eq(after("cat /bin/h\t"), "cat /bin/hel");
    cr_assert(!rang());
    cr_assert_str_eq(after("/bin/hell\t"), "/bin/hello ", "a first word with a slash");
    cr_assert_str_eq(after("ls /\t"), "ls /etc/");
    cr_assert_str_eq(after("ls /none/\t"), "ls /none/");
    cr_assert(rang());
}

Test(complete, hidden_files_when_asked_for)
{
    cr_assert_str_eq(after("cat .\t"), "cat .hidden ");
    after("cat \t\t");
    cr_assert_null(strstr(output, ".hidden"));
    cr_assert_null(strstr(output, "../"));
}

Test(complete, special_characters_are_quoted)
{
    cr_assert_str_eq(after("cat my\t"), "cat my\\ file ");
    cr_assert_str_eq(after("cat \"my\t"), "cat \"my file\" ");
    cr_assert_str_eq(after("cat 'my\t"), "cat 'my file' ");
    cr_assert_str_eq(after("cat it\t"), "cat it\\'s ");
    cr_assert_str_eq(after("cat 'it\t"), "cat 'it'\\''s' ");
    cr_assert_str_eq(after("cat a\t"), "cat a\\$b\\\"c ");
    cr_assert_str_eq(after("cat \"a\t"), "cat \"a\\$b\\\"c\" ");
    cr_assert_str_eq(after("cat sub\\ dir/on\t"), "cat sub\\ dir/on");
    cr_assert_str_eq(after("cat \"sub dir/onl\t"), "cat \"sub dir/only/");
    cr_assert_str_eq(after("cat ne\t"), "cat new\\\nline ");
}

Test(complete, never_half_a_character)
{
    cr_assert_str_eq(after("cat \xc3\xa4\t"), "cat \xc3\xa4"
                                              "pfel ");
    /* Both begin with the byte 0xc3, which is no character. */
    after("cat \t");
    cr_assert_eq(editor.length, 4);
}

Test(complete, within_the_line)
{
    cr_assert_str_eq(after("cat big x\x1b[D\x1b[D\t"), "cat big.txt  x");
    cr_assert_eq(editor.cursor, 12);
    cr_assert_str_eq(after("ls # bi\t"), "ls # bi");
    cr_assert(rang());
    cr_assert_str_eq(after("ls | bi\t"), "ls | bi");
}

Test(complete, second_tab_lists)
{
    after("c\t");
    cr_assert_null(strchr(output, '\n'));
    after("c\t\t");
    cr_assert_not_null(strstr(output, "\r\ncaps   cat    cd     clear\n"), "%s", output);
    cr_assert_not_null(strstr(strchr(output, '\n'), "$ c"), "the line is shown anew");
    after("ls bi\t\t");
    cr_assert_not_null(strstr(output, "big.txt  bin/\n"), "%s", output);
    after("cat \t\t");
    cr_assert_not_null(strstr(output, "new\\nline"), "control characters are escaped: %s", output);
}

Test(complete, what_does_not_fit_is_refused_whole)
{
    after("");
    for (int i = 0; i < CAPACITY - 9; i++)
        line_editor_feed(&editor, 'x');
    const char *rest = " big";
    while (*rest)
        line_editor_feed(&editor, (uint8_t)*rest++);
    output_length = 0;
    output[0] = 0;
    line_editor_feed(&editor, '\t');
    cr_assert(rang());
    cr_assert_eq(editor.length, (size_t)CAPACITY - 5);
}

/* Any name, however it is quoted, comes out of the parser as it is. */
Test(complete, what_it_types_parses_to_the_name)
{
    static const char *const keys[] = {"cat x\t", "cat \"x\t", "cat 'x\t"};
    uint64_t random = 3;

    for (int round = 0; round < 20000; round++) {
        char name[17] = "x", expected[32];
        size_t length = 2 + random_below(&random, 14), way = random_below(&random, 3);
        for (size_t i = 1; i < length; i++) {
            char c = (char)(1 + random_below(&random, 126));
            name[i] = c == '/' ? '_' : c;
        }
        struct file file = {"", name, random_below(&random, 2) != 0};
        only = &file;
        after(keys[way]);
        snprintf(expected, sizeof(expected), "%s%s", name, file.is_directory ? "/" : "");
        if (file.is_directory && way > 0) {
            text[editor.length++] = keys[way][4]; /* the quote stays open to go on in the directory */
        }
        struct parser parser;
        parse_start(&parser, text, editor.length, words, sizeof(words), 0);
        cr_assert_eq(parse_command(&parser), PARSE_COMMAND, "'%.*s'", (int)editor.length, text);
        cr_assert_eq(parser.count, 2, "'%.*s'", (int)editor.length, text);
        cr_assert_str_eq(parser.words[1], expected, "'%.*s'", (int)editor.length, text);
    }
}

Test(complete, any_keys)
{
    static const char keys[] = "\t\t\t\x1b[D\x7f\x17\x15 bcmx/'\"\\;#|.\xc3\xa4";
    uint64_t random = 11;

    only = NULL;
    after("");
    for (int step = 0; step < 100000; step++) {
        output_length = 0;
        if (line_editor_feed(&editor, (uint8_t)keys[random_below(&random, sizeof(keys) - 1)]) !=
            LINE_EDITING) {
            line_editor_start(&editor, "$ ");
        }
        cr_assert_lt(editor.length, (size_t)CAPACITY);
    }
}

Test(names, sorted_without_doubles)
{
    struct name_list list = {0};
    static const char *const names[] = {"b", "a", "ab", "b", "", "a"};

    name_list_sort(&list);
    for (size_t i = 0; i < 6; i++)
        cr_assert(name_list_add(&list, names[i], strlen(names[i]), false));
    name_list_sort(&list);
    cr_assert_eq(list.count, 4);
    cr_assert_str_eq(list.name[0].text, "");
    cr_assert_str_eq(list.name[1].text, "a");
    cr_assert_str_eq(list.name[2].text, "ab");
    cr_assert_str_eq(list.name[3].text, "b");
    name_list_free(&list);
}

Test(names, columns_run_downwards)
{
    struct name_list list = {0};
    char name[] = "name0";

    for (int i = 0; i < 7; i++) {
        name[4] = (char)('0' + i);
        cr_assert(name_list_add(&list, name, 5, i == 0));
    }
    start();
    output_length = 0;
    name_list_print(&list, SIZE_MAX, 20, false, on_write, NULL);
    cr_assert_str_eq(output, "name0  name3  name6\nname1  name4\nname2  name5\n");
    output_length = 0;
    name_list_print(&list, 2, 8, true, on_write, NULL);
    cr_assert_str_eq(output, "name0/\nname1\n");
    output_length = 0;
    output[0] = 0;
    name_list_free(&list);
    name_list_print(&list, SIZE_MAX, 20, false, on_write, NULL);
    cr_assert_str_eq(output, "");
}

Test(names, escaped)
{
    char escaped[64];

    escape_name(escaped, sizeof(escaped), "a\nb\t\x1b[2J\x7f\\ \xc3\xa4\xff\xc2\x9b", 16);
    cr_assert_str_eq(escaped, "a\\nb\\t\\x1b[2J\\x7f\\\\ \xc3\xa4\\xff\\xc2\\x9b");
    cr_assert_eq(escape_name(escaped, 5, "abc\n", 4), 3, "half an escape is none");
    cr_assert_str_eq(escaped, "abc");
    cr_assert_eq(escape_name(escaped, 1, "abc", 3), 0);
}
