/* SPDX-License-Identifier: MIT */
/* The shell's language. */
// sources: user/sh/parse.c
// flags: -Iuser/sh
#include "support.h"

#include <parse.h>

static char storage[4096];

/* Parses a line with status 7 and writes what came out: words in [], where output goes in <> (<<>> where it
 * is added), a | after each command, or the error. */
static const char *parsed(const char *line)
{
    static char out[8192];
    char message[128];
    struct parser parser;
    struct exact copy = exact_copy(line, strlen(line), 1);
    enum parse_result result = PARSE_COMMAND;

    out[0] = 0;
    parse_start(&parser, (const char *)copy.data, copy.size, storage, sizeof(storage), 7);
    enum parse_result checked = parse_check(&parser);
    if (checked != PARSE_END) {
        parse_message(&parser, checked, message, sizeof(message));
        snprintf(out, sizeof(out), "error: %s", message);
    }
    while (checked == PARSE_END && (result = parse_command(&parser)) == PARSE_COMMAND) {
        for (unsigned i = 0; i < parser.count; i++)
            sprintf(out + strlen(out), "[%s]", parser.words[i]);
        cr_assert_null(parser.words[parser.count]);
        cr_assert(parser.count > 0 || parser.output);
        if (parser.output)
            sprintf(out + strlen(out), parser.append ? "<<%s>>" : "<%s>", parser.output);
        strcat(out, "|");
    }
    cr_assert(checked != PARSE_END || result == PARSE_END, "'%s': the check let an error pass", line);
    exact_free(&copy);
    return out;
}

static void check(const char *line, const char *expected)
{
    const char *out = parsed(line);

    cr_assert_str_eq(out, expected, "'%s' gave '%s' instead of '%s'", line, out, expected);
}

Test(parse, words_and_commands)
{
    check("", "");
    check("  \t ", "");
    check("ls", "[ls]|");
    check("  ls   -l\t/bin  ", "[ls][-l][/bin]|");
    check("ls;pwd", "[ls]|[pwd]|");
    check(" ls ; pwd ;", "[ls]|[pwd]|");
    check(";; ls ;;", "[ls]|");
}

Test(parse, output)
{
    check("ls>x", "[ls]<x>|");
    check("ls -l >> 'a b' /bin; pwd", "[ls][-l][/bin]<<a b>>|[pwd]|");
    check("> x", "<x>|");
    check("a > b > c", "[a]<c>|");
    check("echo $?>y", "[echo][7]<y>|");
    check("echo '>' \\> a", "[echo][>][>][a]|");
}

Test(parse, quotes)
{
    check("echo 'a  b' \"c  d\"", "[echo][a  b][c  d]|");
    check("echo a'b c'd\"e f\"g", "[echo][ab cde fg]|");
    check("echo '' \"\" x", "[echo][][][x]|");
    check("echo 'a\\b\"c;#$?'", "[echo][a\\b\"c;#$?]|");
    check("echo \"a\\\"b\\\\c\\d\\$?;#'\"", "[echo][a\"b\\c\\d$?;#']|");
    check("'ls' \"-l\"", "[ls][-l]|");
}

Test(parse, backslashes)
{
    check("cat my\\ file \\\"x\\' \\;\\#\\|", "[cat][my file][\"x'][;#|]|");
    check("echo a\\\\b", "[echo][a\\b]|");
    check("echo \\", "error: nothing after the \\ at the end");
    check("echo \"a\\", "error: nothing after the \\ at the end");
}

Test(parse, comments)
{
    check("# all of it", "");
    check("ls # rest ; pwd", "[ls]|");
    check("ls;#rest", "[ls]|");
    check("echo a#b '#' \\#", "[echo][a#b][#][#]|");
    check("# 'not open", "");
}

Test(parse, status_of_the_last_command)
{
    check("echo $? \"<$?>\" '$?' a$?b", "[echo][7][<7>][$?][a7b]|");
    check("echo $ $x \\$?", "[echo][$][$x][$?]|");
}

Test(parse, errors_name_the_cause)
{
    check("echo 'abc", "error: no closing '");
    check("echo \"abc", "error: no closing \"");
    check("ls; echo \"a;b'", "error: no closing \"");
    check("ls | cat", "error: | is not supported; quote it to use it as text");
    check("ls<x", "error: < is not supported; quote it to use it as text");
    check("ls >", "error: no file after >");
    check("ls > ; pwd", "error: no file after >");
    check("ls > | x", "error: no file after >");
    check("ls >>> x", "error: no file after >");
    check("ls > 'x", "error: no closing '");
    check("cat <x", "error: < is not supported; quote it to use it as text");
    check("run x &", "error: & is not supported; quote it to use it as text");
    check("echo '|' \">\" \\< 'a&b'", "[echo][|][>][<][a&b]|");
}

Test(parse, too_many_words)
{
    char line[2048] = "", *end = line;

    for (int i = 0; i < PARSE_MAX_WORDS; i++)
        end += sprintf(end, "w%d ", i);
    cr_assert_eq(strncmp(parsed(line), "[w0][w1]", 8), 0);
    strcpy(end, "x");
    check(line, "error: more than 128 words");
    strcpy(end, "; ls");
    cr_assert_neq(strncmp(parsed(line), "error", 5), 0, "the limit is for one command");
}

Test(parse, storage_of_line_and_one_byte_is_enough)
{
    static const char *const lines[] = {"a b c", "abc", "'a' b\\ c;d", "a;b;c", "''"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        size_t length = strlen(lines[i]);
        char *words = malloc(length + 1);
        struct parser parser;
        parse_start(&parser, lines[i], length, words, length + 1, 0);
        cr_assert_eq(parse_check(&parser), PARSE_END, "%s", lines[i]);
        parse_start(&parser, lines[i], length, words, 1, 0);
        enum parse_result result = parse_check(&parser);
        cr_assert_eq(result, i == 4 ? PARSE_END : PARSE_TOO_LONG, "%s", lines[i]);
        free(words);
    }
}

/* The point at the end of a line, in words. */
static const char *point_of(const char *line)
{
    static char out[256];
    struct exact copy = exact_copy(line, strlen(line), 0);
    struct parse_point point = parse_point((const char *)copy.data, copy.size, storage, sizeof(storage));

    snprintf(out, sizeof(out), "%s%s%c%s", point.word ? "" : "none",
             point.word ? (point.first ? "1" : "n") : "",
             point.word ? (point.quote ? point.quote : ' ') : ' ', point.word ? point.text : "");
    exact_free(&copy);
    return out;
}

Test(parse, point_for_completion)
{
    cr_assert_str_eq(point_of(""), "1 ");
    cr_assert_str_eq(point_of("he"), "1 he");
    cr_assert_str_eq(point_of("cat "), "n ");
    cr_assert_str_eq(point_of("cat my\\ fi"), "n my fi");
    cr_assert_str_eq(point_of("cat \"my fi"), "n\"my fi");
    cr_assert_str_eq(point_of("cat 'my fi"), "n'my fi");
    cr_assert_str_eq(point_of("cat a'b c'd"), "n ab cd");
    cr_assert_str_eq(point_of("cat x; "), "1 ");
    cr_assert_str_eq(point_of("cat x;p"), "1 p");
    cr_assert_str_eq(point_of("cat x # p"), "none ");
    cr_assert_str_eq(point_of("cat x | p"), "none ");
    cr_assert_str_eq(point_of("cat x\\"), "none ");
}

Test(parse, any_bytes)
{
    static const char alphabet[] = "ab '\"\\;#|$? \t>";
    uint64_t random = 99;

    for (int round = 0; round < 100000; round++) {
        char line[64];
        size_t length = random_below(&random, sizeof(line)), size = random_below(&random, 80);
        for (size_t i = 0; i < length; i++) {
            line[i] = random_below(&random, 8) == 0 ? (char)random_next(&random)
                                                    : alphabet[random_below(&random, sizeof(alphabet) - 1)];
        }
        struct exact copy = exact_copy(line, length, 0);
        char *words = malloc(size + 1);
        struct parser parser;
        parse_start(&parser, (const char *)copy.data, length, words, size, (int)random_below(&random, 1000));
        enum parse_result checked = parse_check(&parser), result = checked;
        while (checked == PARSE_END && (result = parse_command(&parser)) == PARSE_COMMAND) {
            for (unsigned i = 0; i < parser.count; i++)
                cr_assert_leq(parser.words[i] + strlen(parser.words[i]) + 1, words + size);
        }
        cr_assert_neq(result, PARSE_COMMAND);
        struct parse_point point = parse_point((const char *)copy.data, length, words, size);
        cr_assert(!point.word || strlen(point.text) == point.length);
        free(words);
        exact_free(&copy);
    }
}
