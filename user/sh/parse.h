/* SPDX-License-Identifier: MIT */
/*
 * The shell's language: commands separated by `;`, made of words separated by blanks. '...' takes everything
 * as it is, "..." all but backslash and $?, a backslash takes the next character as it is, and # where a word
 * could begin starts a comment. $? is the status of the last command. > and >> and a word say where the
 * output of a command goes. | < & are not supported, and refused rather than taken as text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PARSE_MAX_WORDS 128 /* of one command, its name included */

enum parse_result {
    PARSE_END,          /* no command is left */
    PARSE_COMMAND,      /* `words` has one */
    PARSE_UNTERMINATED, /* quote; `at` is the character that opened it */
    PARSE_BACKSLASH,    /* at the end of the line */
    PARSE_NO_FILE,      /* after > */
    PARSE_OPERATOR,     /* that is not supported; `at` is the character */
    PARSE_TOO_MANY_WORDS,
    PARSE_TOO_LONG, /* the words do not fit the storage */
};

struct parser {
    const char *line;
    size_t length, position;
    int status;    /* what $? stands for */
    char *storage; /* where the words of the command go */
    size_t size, used;
    char at;    /* the character that an error is about */
    char quote; /* quote that is open where the line ended, or 0 */
    const char *output; /* where the command's output goes; NULL: to the terminal */
    bool append;        /* to what is there already */
    unsigned count;     /* 0: nothing but where it goes */
    char *words[PARSE_MAX_WORDS + 1]; /* of the command, each terminated; NULL after the last */
};

/* Begins with a line of `length` bytes; its words are put into `storage`, for which length + 1 bytes are
 * enough unless $? becomes longer. */
void parse_start(struct parser *parser, const char *line, size_t length, char *storage, size_t size,
                 int status);
/* The next command. After an error nothing is left to be parsed. */
enum parse_result parse_command(struct parser *parser);
/* Whether the whole line can be parsed; the first error otherwise. Leaves the parser as parse_start() did. */
enum parse_result parse_check(struct parser *parser);
/* Writes what is wrong in words, in `size` bytes, terminated. */
void parse_message(const struct parser *parser, enum parse_result error, char *message, size_t size);

/* Where the end of a line stands, for completion. */
struct parse_point {
    bool word;        /* a word can be completed here: the line is right so far, and this is no comment */
    bool first;       /* it is the first of its command */
    unsigned index;   /* words of its command before it */
    const char *command; /* the first of them, in the storage, terminated; "" when there is none */
    char quote;       /* open quote, or 0 */
    const char *text; /* the word so far without its quotes, in the storage, terminated */
    size_t length;
};
/* Parses a line that may end anywhere. */
struct parse_point parse_point(const char *line, size_t length, char *storage, size_t size);

/* Whether a character needs a backslash to be part of a word. */
bool parse_is_special(char c);
