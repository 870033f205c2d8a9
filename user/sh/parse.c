/* SPDX-License-Identifier: MIT */
/* The shell's language: lines into commands and words. */
#include "parse.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_operator(char c)
{
    return c == '|' || c == '>' || c == '<' || c == '&';
}

bool parse_is_special(char c)
{
    return is_blank(c) || is_operator(c) || (c != 0 && strchr(";#'\"\\$`()*?[]{}~!", c) != NULL);
}

void parse_start(struct parser *parser, const char *line, size_t length, char *storage, size_t size,
                 int status)
{
    *parser =
        (struct parser){.line = line, .length = length, .storage = storage, .size = size, .status = status};
}

static bool at_end(const struct parser *parser)
{
    return parser->position >= parser->length;
}

static enum parse_result put(struct parser *parser, const char *bytes, size_t count)
{
    if (count > parser->size - parser->used)
        return PARSE_TOO_LONG;
    memcpy(parser->storage + parser->used, bytes, count);
    parser->used += count;
    return PARSE_COMMAND;
}

static bool at_status(const struct parser *parser)
{
    return parser->length - parser->position >= 2 && memcmp(parser->line + parser->position, "$?", 2) == 0;
}

static enum parse_result put_status(struct parser *parser)
{
    char digits[16];
    int length = snprintf(digits, sizeof(digits), "%d", parser->status);

    parser->position += 2;
    return put(parser, digits, (size_t)length);
}

/* A backslash and what it applies to: within "..." only what would mean something there. */
static enum parse_result put_escaped(struct parser *parser)
{
    char next;

    parser->position++;
    if (at_end(parser))
        return PARSE_BACKSLASH;
    next = parser->line[parser->position];
    if (parser->quote == '"' && (next == 0 || strchr("\"\\$`", next) == NULL))
        return put(parser, "\\", 1);
    parser->position++;
    return put(parser, &next, 1);
}

/* The next piece of a word: a character, an escaped one, $?, or a quote opening or closing. */
static enum parse_result word_piece(struct parser *parser)
{
    char c = parser->line[parser->position];

    if (parser->quote != '\'') {
        if (c == '\\')
            return put_escaped(parser);
        if (at_status(parser))
            return put_status(parser);
    }
    parser->position++;
    if (parser->quote == 0 && (c == '"' || c == '\'')) {
        parser->quote = c;
        return PARSE_COMMAND;
    }
    if (c == parser->quote) {
        parser->quote = 0;
        return PARSE_COMMAND;
    }
    return put(parser, &c, 1);
}

static bool in_word(const struct parser *parser)
{
    char c = parser->line[parser->position];

    return parser->quote != 0 || !(is_blank(c) || c == ';' || is_operator(c));
}

/* A word, whose first character is there. */
static enum parse_result parse_word(struct parser *parser)
{
    enum parse_result result = PARSE_COMMAND;

    if (parser->count == PARSE_MAX_WORDS)
        return PARSE_TOO_MANY_WORDS;
    parser->words[parser->count++] = parser->storage + parser->used;
    while (result == PARSE_COMMAND && !at_end(parser) && in_word(parser))
        result = word_piece(parser);
    if (result != PARSE_COMMAND)
        return result;
    if (parser->quote != 0) {
        parser->at = parser->quote;
        return PARSE_UNTERMINATED;
    }
    return put(parser, "", 1);
}

/* Moves to what is no blank; a comment ends the line. */
static void skip_blanks(struct parser *parser)
{
    while (!at_end(parser) && is_blank(parser->line[parser->position]))
        parser->position++;
    if (!at_end(parser) && parser->line[parser->position] == '#')
        parser->position = parser->length;
}

/* > or >>, and the word behind it. */
static enum parse_result parse_output(struct parser *parser)
{
    parser->position++;
    parser->append = !at_end(parser) && parser->line[parser->position] == '>';
    parser->position += parser->append;
    skip_blanks(parser);
    if (at_end(parser) || !in_word(parser))
        return PARSE_NO_FILE;
    enum parse_result result = parse_word(parser);
    if (result == PARSE_COMMAND)
        parser->output = parser->words[--parser->count];
    return result;
}

/* Words up to the end of the command, whose ; is taken as well. */
static enum parse_result parse_words(struct parser *parser)
{
    enum parse_result result = PARSE_COMMAND;

    for (skip_blanks(parser); result == PARSE_COMMAND && !at_end(parser); skip_blanks(parser)) {
        char c = parser->line[parser->position];
        if (c == ';') {
            parser->position++;
            break;
        }
        if (is_operator(c) && c != '>') {
            parser->at = c;
            return PARSE_OPERATOR;
        }
        result = c == '>' ? parse_output(parser) : parse_word(parser);
    }
    return result;
}

enum parse_result parse_command(struct parser *parser)
{
    enum parse_result result = PARSE_COMMAND;

    parser->count = 0;
    parser->output = NULL;
    while (result == PARSE_COMMAND && parser->count == 0 && parser->output == NULL) {
        parser->used = 0;
        skip_blanks(parser);
        if (at_end(parser)) {
            parser->words[0] = NULL;
            return PARSE_END;
        }
        result = parse_words(parser);
    }
    if (result != PARSE_COMMAND)
        parser->position = parser->length;
    parser->words[parser->count] = NULL;
    return result;
}

enum parse_result parse_check(struct parser *parser)
{
    struct parser start = *parser;
    enum parse_result result = PARSE_COMMAND;

    while (result == PARSE_COMMAND)
        result = parse_command(parser);
    if (result == PARSE_END)
        *parser = start;
    return result;
}

void parse_message(const struct parser *parser, enum parse_result error, char *message, size_t size)
{
    switch (error) {
    case PARSE_UNTERMINATED: snprintf(message, size, "no closing %c", parser->at); break;
    case PARSE_BACKSLASH: snprintf(message, size, "nothing after the \\ at the end"); break;
    case PARSE_NO_FILE: snprintf(message, size, "no file after >"); break;
    case PARSE_OPERATOR:
        snprintf(message, size, "%c is not supported; quote it to use it as text", parser->at);
        break;
    case PARSE_TOO_MANY_WORDS: snprintf(message, size, "more than %d words", PARSE_MAX_WORDS); break;
    case PARSE_TOO_LONG: snprintf(message, size, "line too long"); break;
    default: snprintf(message, size, "no error");
    }
}

/* Parses to the end of the line; true when it ends in a word, quotes open or not. *wrong: nothing can be
 * completed. */
static bool ends_in_word(struct parser *parser, bool *wrong)
{
    bool in_word = false;

    while (!*wrong && !at_end(parser)) {
        char c = parser->line[parser->position];
        in_word = false;
        if (is_blank(c) || c == '>') {
            parser->position++;
        } else if (c == ';') {
            parser->position++;
            parser->count = parser->used = 0;
        } else if (c == '#' || is_operator(c)) {
            *wrong = true;
        } else {
            enum parse_result result = parse_word(parser);
            in_word = true;
            *wrong = result != PARSE_COMMAND &&
                     (result != PARSE_UNTERMINATED || put(parser, "", 1) != PARSE_COMMAND);
        }
    }
    return in_word;
}

struct parse_point parse_point(const char *line, size_t length, char *storage, size_t size)
{
    struct parser parser;
    bool wrong = false;

    parse_start(&parser, line, length, storage, size, 0);
    if (ends_in_word(&parser, &wrong)) {
        const char *text = parser.words[parser.count - 1];
        return (struct parse_point){.word = !wrong,
                                    .first = parser.count == 1,
                                    .index = parser.count - 1,
                                    .command = parser.count > 1 ? parser.words[0] : "",
                                    .quote = parser.quote,
                                    .text = text,
                                    .length = wrong ? 0 : strlen(text)};
    }
    return (struct parse_point){.word = !wrong && parser.count < PARSE_MAX_WORDS,
                                .first = parser.count == 0,
                                .index = parser.count,
                                .command = parser.count > 0 ? parser.words[0] : "",
                                .text = ""};
}
